"""A finished fold of which files are missing or damaged: what can be restored is restored.

The final checkpoint is a part of the last one. The training features and the out-of-fold table come
from the final checkpoint.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ricenet_v2.core import documents, files
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.regular import is_missing
from ricenet_v2.inference.feature_reference import read_reference, write_reference
from ricenet_v2.inference.trained_fold import network_of, read_fold
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_remedy import from_first_epoch, going_on
from ricenet_v2.training.feature_reference import reference_of
from ricenet_v2.training.job import Job
from ricenet_v2.training.state import of_prediction
from ricenet_v2.training.validation import predict_validation, write_validation

logger = logging.getLogger(__name__)

Faults = Mapping[Path, str]
"""Fault of each file, in words; intact files have no entry."""
_MISSING = "missing"


def faults_of(job: Job, run: Run) -> Faults:
    """Faults of the files of a finished fold that later commands need.

    An edited table is not among them: whatever reads it says what to do.

    Args:
        job: The fold.
        run: Its record.

    Raises:
        CheckpointError: A folder has the name of one of them.
    """
    paths, faults, width = job.paths, dict[Path, str](), None
    _check_no_folders(job)
    try:
        width = _network(job, _read(job, run, paths.final), paths.final).head.in_features
    except CheckpointError as error:
        faults[paths.final] = _fault_text(error)
    try:
        if read_reference(paths.reference, width) is None:
            faults[paths.reference] = _MISSING
    except CheckpointError as error:
        faults[paths.reference] = _fault_text(error)
    if not job.is_full and not paths.validation.is_file():
        faults[paths.validation] = _MISSING
    return faults


def repair(job: Job, run: Run, faults: Faults) -> Run:
    """Make again what is missing or damaged; every process of the group calls this.

    Args:
        job: The fold.
        run: Its record.
        faults: Faults of its files.

    Returns:
        The record, with the hash of the table where that was made again.

    Raises:
        CheckpointError: The final checkpoint cannot be made again.
    """
    paths = job.paths
    if paths.final in faults:
        with job.process_group.agreed():
            kept = _from_latest(job, run, faults[paths.final])
            if job.process_group.leads:
                checkpoints.save(paths.final, kept)
                _log_repair(job, paths.final, faults, paths.latest)
    with job.process_group.agreed():
        network = _network(job, _read(job, run, paths.final), paths.final)
    if paths.reference in faults:
        reference = reference_of(job, network)
        with job.process_group.agreed():
            if job.process_group.leads:
                write_reference(paths.reference, reference)
                _log_repair(job, paths.reference, faults, paths.final)
    if paths.validation in faults:
        axes = job.plan.training.augmentation.mirror_axes
        predictions = predict_validation(job, network, axes)
        with job.process_group.agreed():
            if job.process_group.leads:
                write_validation(job, predictions)
                run = _with_table(job, run)
                _log_repair(job, paths.validation, faults, paths.final)
    return run


def _read(job: Job, run: Run, path: Path) -> checkpoints.State:
    """A checkpoint that can predict, of this fold and of the end of its training.

    Raises:
        CheckpointError: It is missing, damaged, or another one.
    """
    state, _ = read_fold(path, job.fold)
    expected = {"fold": job.fold}
    if run.epochs_done is not None:
        expected["epoch"] = run.epochs_done
    there = {name: state.get(name) for name in expected}
    if there != expected:
        raise CheckpointError(
            "This checkpoint is not the one that ended the training of the fold.",
            file=path,
            expected=_pairs(expected),
            got=_pairs(there),
        )
    return state


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _network(job: Job, state: checkpoints.State, path: Path) -> Classifier:
    return network_of(state, job.plan, path, job.fold, job.device)


def _from_latest(job: Job, run: Run, fault: str) -> dict[str, Any]:
    """The part of the last checkpoint that is the final one."""
    paths = job.paths
    try:
        state = _read(job, run, paths.latest)
        _network(job, state, paths.latest)
    except CheckpointError as error:
        raise CheckpointError(
            f"The final checkpoint of fold {job.fold} cannot be made again.",
            file=paths.final,
            expected=f"{paths.final.name} or {paths.latest.name} as training wrote them",
            got=f"{paths.final.name}: {fault}; {paths.latest.name}: {_fault_text(error)}",
            remedy=from_first_epoch(paths.folder),
        ) from error
    return of_prediction(state)


def _fault_text(error: CheckpointError) -> str:
    if error.file is not None and is_missing(Path(error.file)):
        return _MISSING
    return f"{error.what.rstrip('.')} ({error.got})"


def _check_no_folders(job: Job) -> None:
    for file in (job.paths.final, job.paths.reference, job.paths.validation):
        if file.is_dir():
            raise CheckpointError(
                "A folder has the name of a file of the fold.",
                file=file,
                remedy=f"Move it away and run `{going_on(job.paths.folder)}`.",
            )


def _with_table(job: Job, run: Run) -> Run:
    """The record with the hash of the new table, which other hardware writes with other digits."""
    updated = dataclasses.replace(
        run,
        validation_checkpoint="final",
        validation_mirror_axes=job.plan.training.augmentation.mirror_axes,
        validation_hash=files.sha256_of_file(job.paths.validation),
    )
    documents.write(job.paths.run, updated)
    return updated


def _log_repair(job: Job, file: Path, faults: Faults, source: Path) -> None:
    logger.warning(
        "Fold %d: %s was made again from %s. What was wrong with it: %s.",
        job.fold,
        file.name,
        source.name,
        faults[file],
    )
