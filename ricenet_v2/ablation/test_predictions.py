"""Test cases predicted by the ensemble of a subset, from the preprocessed cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.progress import track
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.cases import read_array, state_of
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON, DatasetPaths, ModelPaths


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
    for subset in track(subsets, "predicting test cases", total=len(subsets)):
        model = paths.model(subset.model)
        ensemble = load_ensemble(model.folder, device=device)
        if not _is_there(model, ensemble, records):
            folder = paths.cases(plan.name)
            write_predictions(
                model.test,
                _predicted(ensemble, folder, channel_indices(plan, subset.channels), records),
                ensemble.members,
            )
        files[subset.name] = model.test / PREDICTIONS_CSV
    return files


def channel_indices(plan: Plan, names: Sequence[str]) -> list[int]:
    """Indices of channels in the preprocessed cases of a plan."""
    there = [channel.name for channel in plan.channels]
    return [there.index(name) for name in names]


def _is_there(model: ModelPaths, ensemble: Ensemble, records: Sequence[PreprocessedCase]) -> bool:
    file = model.test / PREDICTIONS_JSON
    if not file.is_file() or not (model.test / PREDICTIONS_CSV).is_file():
        return False
    old = documents.read(Predictions, file)
    cases = [(case.case_id, case.source) for case in old.cases]
    return old.checkpoint_hashes == ensemble.hashes and cases == [(r.case_id, r) for r in records]


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
