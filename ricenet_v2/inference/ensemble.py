"""Loading the trained folds of one model, to predict together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.distinct_members import check_distinct
from ricenet_v2.inference.feature_reference import read_reference
from ricenet_v2.inference.file_stability import unchanged
from ricenet_v2.inference.fold_compatibility import plans_and_datasets
from ricenet_v2.inference.folds import (
    chosen_folds,
    known_faults,
    left_out,
    unequal_epochs,
    without_validation,
)
from ricenet_v2.inference.fusion import fusion_of
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.plan_edits import edited
from ricenet_v2.inference.prior import BALANCED, from_state, named_prior
from ricenet_v2.inference.recalibration import calibration_of, check_as_fitted
from ricenet_v2.inference.trained_fold import network_of, read_fold
from ricenet_v2.network.device import resolve_device
from ricenet_v2.network.lineage import lineage_in
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.lineage import Trained
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plugins import require
from ricenet_v2.records.prior import Decide
from ricenet_v2.store import checkpoints
from ricenet_v2.store.paths import ModelPaths

logger = logging.getLogger(__name__)

__all__ = ["Ensemble", "load_ensemble"]


def load_ensemble(
    model_folder: Path,
    folds: Sequence[int] | None = None,
    checkpoint: str = "final",
    device: str | None = None,
    *,
    calibrated: bool = False,
    prior: Sequence[str] = (),
    decide: Decide = BALANCED,
    fused: bool = False,
) -> Ensemble:
    """Load trained folds.

    Args:
        model_folder: results/<dataset>/<plan>__<channels>.
        folds: Numbers of the folds; all existing ones where None.
        checkpoint: `final`, `best` or `latest`.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        calibrated: Apply what ricenet_calibrate fitted.
        prior: Class shares that probabilities are to be right for, as `prior.named_prior` reads
            them; those of the training cases where empty.
        decide: Rule for the predicted class.
        fused: Load what ricenet_fuse fitted, by which covariates of a patient are added.

    A model of which folds are missing where none is named, whose folds were not trained equally
    long or by a version with a known fault, or whose plan.json or dataset.json is not that of its
    folds, predicts with a warning.

    Raises:
        CheckpointError: No fold, a named fold or its checkpoint is missing, of another program, a
            copy of another fold, or has weights that are not finite or of another network; there is
            no calibration that fits; a prior is named for a model that does not say what it was
            trained on.
        PlanError: The folds were trained by different plans or datasets.
        PluginError: A package is missing that the plan needs.
        DatasetError: `calibrated` or `fused`, and another checkpoint than that the calibration or
            fusion is for, or both; or a prior that cannot be used.
    """
    if calibrated and fused:
        raise DatasetError(
            "Covariates are added to probabilities that are not calibrated, and calibrate them.",
            expected="--calibrated or --covariates_table",
            got="both",
            remedy="Leave out --calibrated.",
        )
    if calibrated or fused:
        check_as_fitted(checkpoint, fused=fused)
    paths, where = ModelPaths(model_folder), resolve_device(device)
    chosen = chosen_folds(paths, folds, checkpoint)
    files = {fold: paths.fold(fold).checkpoint(checkpoint) for fold in chosen}
    with unchanged(paths, chosen, checkpoint):
        read = {fold: read_fold(file, fold) for fold, file in files.items()}
        states = {fold: state for fold, (state, _) in read.items()}
        plans, datasets = plans_and_datasets(states, model_folder)
        plan, dataset = plans[chosen[0]], datasets[chosen[0]]
        require(plan, model_folder)
        check_distinct(states, model_folder)
        members = {
            fold: network_of(state, plan, files[fold], fold, where)
            for fold, state in states.items()
        }
        references = {
            fold: read_reference(paths.fold(fold).reference, member.head.in_features)
            for fold, member in members.items()
        }
    warnings = (
        *(left_out(paths, chosen, checkpoint) if folds is None else ()),
        *unequal_epochs(states, plans, checkpoint),
        *known_faults(paths, chosen),
        *without_validation(paths, chosen),
        *edited(paths, plan, dataset),
    )
    for warning in warnings:
        logger.warning("%s: %s", model_folder, warning)
    hashes = {f"fold_{fold}/{files[fold].name}": digest for fold, (_, digest) in read.items()}
    return Ensemble(
        plan,
        dataset,
        members,
        where,
        hashes,
        odds=_odds(
            states,
            plan,
            dataset,
            paths,
            calibrated=calibrated,
            prior_entries=prior,
            decide=decide,
            fused=fused,
        ),
        references={
            fold: reference for fold, reference in references.items() if reference is not None
        },
        trained={fold: Trained(lineage_in(state, "", "").cases) for fold, state in states.items()},
        warnings=warnings,
    )


def _odds(
    states: Mapping[int, checkpoints.State],
    plan: Plan,
    dataset: Dataset,
    paths: ModelPaths,
    *,
    calibrated: bool,
    prior_entries: Sequence[str],
    decide: Decide,
    fused: bool,
) -> Odds:
    """Rules by which outputs of these checkpoints become probabilities and predicted classes."""
    n_classes = len(plan.classes)
    priors = {fold: from_state(state, n_classes, paths.folder) for fold, state in states.items()}
    named = (
        named_prior(prior_entries, plan.classes, dataset.positive_index) if prior_entries else ()
    )
    odds = Odds.of(
        priors,
        balance=plan.training.balance,
        named=named,
        decide=decide,
        calibration=calibration_of(paths) if calibrated else None,
        file=paths.folder,
    )
    if not fused:
        return odds
    fusion, fusion_hash = fusion_of(paths)
    return replace(odds, fusion=fusion, fusion_hash=fusion_hash)
