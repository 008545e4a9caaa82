"""Test cases predicted by the ensemble of a subset, from the preprocessed cases."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.core.progress import track
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.inference.prediction_consistency import inconsistency
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.cases import read_array, state_of
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON, DatasetPaths, ModelPaths

logger = logging.getLogger(__name__)


def predict_test(
    paths: DatasetPaths,
    plan: Plan,
    subsets: Sequence[Subset],
    records: Sequence[PreprocessedCase],
    device: str | None = None,
) -> dict[str, Path]:
    """Predict the test cases by every subset; what the same checkpoints predicted is kept.

    Args:
        paths: Folders of the dataset.
        plan: Plan of all channels.
        subsets: Subsets whose folds are trained.
        records: Records of the preprocessed test cases.
        device: `cuda`, `mps` or `cpu`; the best there is where None.

    Returns:
        predictions.csv of each subset, in the folder of its model.

    Raises:
        CheckpointError: A fold of a subset has no final checkpoint.
        DatasetError: A preprocessed case is damaged.
    """
    files = {}
    folder = paths.cases(plan.name)
    for subset in track(subsets, "predicting test cases", total=len(subsets)):
        model = paths.model(subset.model)
        ensemble = load_ensemble(model.folder, device=device)
        channels = channel_indices(plan, subset.channels)
        predictions = _kept(model, ensemble, records) or _predicted(
            ensemble, folder, channels, records
        )
        # Also where it was kept: the table may have been edited.
        write_predictions(model.test, predictions, ensemble.members)
        files[subset.name] = model.test / PREDICTIONS_CSV
    return files


def channel_indices(plan: Plan, names: Sequence[str]) -> list[int]:
    """Indices of channels in the preprocessed cases of a plan."""
    existing = [channel.name for channel in plan.channels]
    return [existing.index(name) for name in names]


def _kept(
    model: ModelPaths, ensemble: Ensemble, records: Sequence[PreprocessedCase]
) -> Predictions | None:
    """Complete predictions of the same cases by the same checkpoints."""
    file = model.test / PREDICTIONS_JSON
    if not file.is_file():
        return None
    try:
        old = documents.read(Predictions, file)
    except DocumentError as error:
        logger.warning("The test cases are predicted again: %s: %s", file, error.what)
        return None
    cases = [(case.case_id, case.source) for case in old.cases]
    if old.checkpoint_hashes != ensemble.hashes or cases != [(r.case_id, r) for r in records]:
        return None
    for case in old.cases:  # files of earlier versions have no checksum
        if fault := inconsistency(case, ensemble, "mean"):
            logger.warning("The test cases are predicted again: %s: %s", file, fault)
            return None
    return old


def _predicted(
    ensemble: Ensemble,
    folder: Path,
    channels: Sequence[int],
    records: Sequence[PreprocessedCase],
) -> Predictions:
    cases = [ensemble.predict(_channels_of(folder, record, channels), record) for record in records]
    return ensemble.predictions(cases)


def _channels_of(
    folder: Path, record: PreprocessedCase, channels: Sequence[int]
) -> NDArray[np.float32]:
    voxels = read_array(folder, record.case_id, state_of(record))
    return np.ascontiguousarray(voxels[list(channels)])
