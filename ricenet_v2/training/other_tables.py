"""Whether the other folds of a model were trained on the tables of the dataset as they are now."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError, RicenetError, TrainingError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.case_table_snapshot import changes_since
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.described import other_than_trained
from ricenet_v2.records.run import Run
from ricenet_v2.store.fold_tables import written_by
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.trained_on import used_cases
from ricenet_v2.training.job import Job

_MOST_NAMED = 5


def check_other_tables(job: Job, others: Sequence[int]) -> None:
    """Refuse a fold beside folds trained on other tables or images: they would not be one model.

    Args:
        job: The fold.
        others: Numbers of the folds that are there.

    Raises:
        TrainingError: In words, what differs for which folds.
    """
    differing = [*_descriptions(job, others), *_cases(job, others)]
    if differing:
        raise TrainingError(
            "The dataset has changed since the other folds of this model were trained.",
            file=job.model.folder,
            expected="dataset.json, cases, labels, patients, folds and preprocessed images as they "
            "are now",
            got="; ".join(differing),
            remedy="Undo the change. Or, if the tables are right now, move the folders of these "
            "folds away and train them again.",
        )


def readable(model: ModelPaths, fold: int) -> Run | None:
    """The record of a fold; a damaged one is reported where that fold itself is trained."""
    try:
        return documents.read(Run, model.fold(fold).run)
    except DocumentError:
        return None


def _descriptions(job: Job, others: Sequence[int]) -> list[str]:
    if not others or not job.model.dataset.is_file():
        return []
    then = documents.read(Dataset, job.model.dataset)
    return [f"dataset.json: {each}" for each in other_than_trained(then, job.dataset)]


def _cases(job: Job, others: Sequence[int]) -> list[str]:
    """Hashes of older versions are empty and cannot be compared."""
    differences = []
    for fold in others:
        run = readable(job.model, fold)
        if run is None:
            continue
        now = job.fold_hashes[fold] if fold < len(job.fold_hashes) else ""
        changed = [
            what
            for what, then, is_now in (
                ("cases, labels or patients of the fold", run.fold_hash, now),
                ("preprocessed images", run.preprocessed_hash, job.inputs),
            )
            if then and is_now and then != is_now
        ]
        differences += [f"fold {fold}: other {' and other '.join(changed)}"] if changed else []
    cases = changed_cases(job) if differences else ""
    return [*differences, cases] if cases else differences


def changed_cases(job: Job) -> str:
    """Cases, labels or patients that differ from those of finished folds, in words.

    Returns:
        Empty where no fold has a table yet, or nothing differs.
    """
    try:
        runs, rows = written_by(job.model)
    except RicenetError:  # which the commands that need these tables report
        return ""
    held_out = {row["case_id"] for row in rows.get(job.fold, ())}
    moved = sorted(held_out ^ set(job.validation)) if held_out else []
    now = {
        case: Case(case, job.patients[case], job.labels[case])
        for case in (*job.train, *job.validation)
    }
    changes = changes_since(used_cases(runs, rows), now)
    descriptions = [*changes.wrong, *changes.doubtful]
    if moved:
        descriptions.append(f"on another side of fold {job.fold}: {first_of(moved, _MOST_NAMED)}")
    return "; ".join(descriptions)
