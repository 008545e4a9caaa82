"""Whether a fold may be trained, given its own earlier run and the other folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ricenet_v2.core import documents
from ricenet_v2.core.command import again
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import leave_one_out
from ricenet_v2.store.fold_remedy import going_on, read_run
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.training.initial_weights import check_same_source
from ricenet_v2.training.job import Job, run_record
from ricenet_v2.training.options import with_epochs
from ricenet_v2.training.other_tables import changed_cases, check_other_tables, readable

_SAME = ("plan_hash", "channels", "seed", "preprocessed_hash", "fold_hash")
_DESCRIPTIONS = {
    "plan_hash": "another plan or other settings",
    "preprocessed_hash": "other preprocessed images",
    "fold_hash": "other cases, labels or patients",
}
# Of a plan; the rest is about how it was made and its warnings.
DECISIVE = (
    *("classes", "channels", "spacing", "input_size", "storage_dtype", "network", "training"),
    "straighten",
)


def check_not_begun(model: ModelPaths, folds: Sequence[int]) -> None:
    """Refuse to train folds of which some exist.

    Raises:
        TrainingError: Some do; the text names all of them.
    """
    started = [fold for fold in folds if model.fold(fold).run.is_file()]
    if not started:
        return
    named = ", ".join(map(str, started))
    is_single = len(started) == 1
    raise TrainingError(
        f"Fold {named} is already there." if is_single else f"Folds {named} are already there.",
        file=model.fold(started[0]).folder if is_single else model.folder,
        expected="folds that were not trained yet",
        remedy=f"Resume with {again('--continue')}, which leaves finished folds alone, or move the "
        f"{'folder' if is_single else 'folders'} away to train again.",
    )


def existing_run(job: Job) -> Run | None:
    """The record of the fold where it was started, and may be resumed.

    Raises:
        TrainingError: It may not be overwritten, or was started with other settings.
    """
    if not job.paths.run.is_file():
        return None
    if not job.options.resume:
        check_not_begun(job.model, (job.fold,))
    check_same_source(job.paths, job.options.pretrained_weights)
    old = read_run(job.paths)
    # The number of epochs may change; all else must be as it was.
    same_epochs = dataclasses.replace(job, plan=with_epochs(job.plan, old.epochs))
    new = run_record(same_epochs, "running", None)
    differing = [
        _differing(job, old, new, name)
        for name in _SAME
        if getattr(old, name) != getattr(new, name)
    ]
    if differing:
        raise TrainingError(
            f"Fold {job.fold} was started with other settings; cannot resume.",
            file=job.paths.folder,
            expected="the same plan and settings, channels, seed, preprocessed cases, and cases "
            "of the fold with their labels and patients",
            got="; ".join(differing),
            remedy=f"Run the command that it was started with, `{going_on(job.paths.folder)}`, or "
            "move the folder away to train it again.",
        )
    return old


def _differing(job: Job, old: Run, new: Run, name: str) -> str:
    """Difference in a field of the record; in words for hashes."""
    if name == "fold_hash":
        cases = changed_cases(job)
        return _DESCRIPTIONS[name] + (
            f": {cases}" if cases else " in cases.csv or splits_final.json"
        )
    if name in _DESCRIPTIONS:
        return _DESCRIPTIONS[name]
    return f"{name}: {getattr(old, name)} there, {getattr(new, name)} now"


def check_other_folds(job: Job) -> None:
    """Refuse a fold that could not be pooled with the folds beside it.

    The number of epochs may differ, since folds are extended one after the other.

    Raises:
        TrainingError: Other folds of the model are of other settings, another plan, an earlier
            version, another dataset.json, other cases, labels, patients or preprocessed images, or
            of folds that were made in another way.
    """
    others = [fold for fold in job.model.folds() if fold != job.fold]
    others = [fold for fold in others if job.model.fold(fold).run.is_file()]
    _check_other_splits(job, others)
    _check_other_versions(job, others)
    check_other_tables(job, others)
    if not others or not job.model.plan.is_file():
        return
    old = documents.read(Plan, job.model.plan)
    new = with_epochs(job.plan, old.training.epochs)
    differing = [name for name in DECISIVE if getattr(old, name) != getattr(new, name)]
    if differing:
        raise TrainingError(
            "The other folds of this model were trained by another plan.",
            file=job.model.folder,
            expected=f"the plan of the folds {', '.join(map(str, others))}: {job.model.plan}",
            got=f"another {' and another '.join(differing)}",
            remedy="Use the same settings, another --plan, or move the folder away.",
        )


def _check_other_splits(job: Job, others: Sequence[int]) -> None:
    """Refuse a fold beside those of an earlier way to make folds: they share cases."""
    differing = [
        f"fold {fold}: one of {_folds_text(run)}"
        for fold, run in ((fold, readable(job.model, fold)) for fold in others)
        if run is not None and _division(run) != _division(job)
    ]
    if differing:
        raise TrainingError(
            "The other folds of this model belong to another split scheme.",
            file=job.model.folder,
            expected=f"folds of {_folds_text(job)}",
            got="; ".join(differing),
            remedy="Move the folder of the model away and train all of its folds.",
        )


def _check_other_versions(job: Job, others: Sequence[int]) -> None:
    """Refuse to mix folds of which only some are corrected for the prior."""
    runs = ((fold, readable(job.model, fold)) for fold in others)
    differing = [
        str(fold)
        for fold, run in runs
        if run is not None and (run.prior is not None) != job.is_corrected
    ]
    if not differing:
        return
    here, those = ("", "not ") if job.is_corrected else ("not ", "")
    raise TrainingError(
        "Some folds of this model are of an earlier version, which did not correct probabilities "
        "for the class shares. They cannot be pooled with others.",
        file=job.model.folder,
        expected=f"folds that are {here}corrected for the prior, as fold {job.fold}",
        got=f"folds {', '.join(differing)}, which are {those}corrected",
        remedy="Move the folder of the model away and train all of its folds. Folds that the "
        "earlier version started can be finished with --continue if there are no others.",
    )


def _division(of: Run | Job) -> tuple[int, int, str, str]:
    return of.n_folds, of.repeats, of.group, of.holdout


def _folds_text(of: Run | Job) -> str:
    if of.holdout:
        return f"{of.n_folds}, held out by {of.holdout}"
    how = leave_one_out(of.group) if of.group else "stratified by class"
    return f"{of.n_folds}{f' of {of.repeats} repeats' if of.repeats > 1 else ''}, {how}"
