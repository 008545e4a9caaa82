"""Checks that existing models belong to the current study and to one budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ricenet_v2.ablation.budget import TrainingBudget, runs_of
from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.progress import track
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.store import cases as store
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.training.preprocessed import records_of_plan
from ricenet_v2.training.resume_checks import DECISIVE
from ricenet_v2.training.settings import NETWORK_FIELDS, with_channels
from ricenet_v2.training.training_setup import TrainingSetup

_MOST_LISTED = 20
# What `--set` may change, and so `budget_of` compares.
_SETTINGS = "training"


def check_study(setup: TrainingSetup, subsets: Sequence[Subset]) -> None:
    """Refuse what was trained on another plan, other images, cases, labels or patients.

    Args:
        setup: The study in its present state.
        subsets: Subsets whose models are checked, where they exist.

    Raises:
        TrainingError: Some model or fold is of another study; all of them are named.
        PlanError: The preprocessed cases are not those of the plan.
    """
    models = {s: setup.paths.model(s.model) for s in subsets}
    _refuse([f for s, model in models.items() for f in _plan_faults(setup.plan, s, model)], setup)
    runs = [(s, run) for s, model in models.items() for _, run in runs_of(model)]
    if runs:
        now = _inputs(setup)
        _refuse([fault for s, run in runs for fault in _input_faults(s, run, now)], setup)


def check_images(setup: TrainingSetup) -> None:
    """Refuse images that were replaced and not preprocessed again; those moved away are not judged.

    Raises:
        TrainingError: Some were; their cases are named.
    """
    raw = RawDataset(setup.paths.raw, setup.dataset, tuple(setup.cases))
    folder = setup.paths.cases(setup.plan.name)
    others = []
    for case in track(setup.cases, "comparing images", total=len(setup.cases)):
        images, plan = raw.images(case), setup.plan
        absent = raw.absent(case) if plan.allows_missing else ()
        there = [file for index, file in enumerate(images) if index not in absent]
        if there and all(file.is_file() for file in there) and store.has_case(folder, case.case_id):
            now = inputs_hash(images, raw.region_mask(case, plan.region), plan, absent)
            if store.read_record(folder, case.case_id).inputs_hash != now:
                others.append(case.case_id)
    if others:
        raise TrainingError(
            "Images or brain masks were replaced after they were preprocessed.",
            file=setup.paths.raw,
            expected="the files that the preprocessed cases were made of",
            got=f"other files of {len(others)} cases: {', '.join(others[:_MOST_LISTED])}"
            + (", ..." if len(others) > _MOST_LISTED else ""),
            remedy=f"Run ricenet_plan_and_preprocess {setup.paths.name} again (existing models "
            "must then be trained again), or restore the files.",
        )


def _refuse(faults: Sequence[str], setup: TrainingSetup) -> None:
    if faults:
        raise TrainingError(
            "The study has changed since these models were trained, so they can no longer be used.",
            file=setup.paths.results,
            expected="the plan, preprocessed images, cases, labels and patients as they are now",
            got=_listed(faults),
            remedy="Move the folders of these models away, or set ricenet_results to a new folder "
            "(beside ricenet_raw and ricenet_preprocessed), and run the command again to train "
            "new ones. To keep these models, undo the change.",
        )


def _plan_faults(planned: Plan, subset: Subset, model: ModelPaths) -> Iterator[str]:
    if not model.plan.is_file() or not dict(runs_of(model)):
        return
    old, new = documents.read(Plan, model.plan), with_channels(planned, subset.channels)
    chosen = {name: getattr(old.network, name) for name in NETWORK_FIELDS}
    new = dataclasses.replace(new, network=dataclasses.replace(new.network, **chosen))
    differences = [
        _difference(name, getattr(old, name), getattr(new, name))
        for name in DECISIVE
        if name != _SETTINGS and getattr(old, name) != getattr(new, name)
    ]
    if differences:
        folds = ", ".join(str(fold) for fold, _ in runs_of(model))
        yield f"{subset.name}, fold {folds}: trained by another plan: {'; '.join(differences)}"


def _difference(name: str, old: Any, new: Any) -> str:
    """Describe what differs in a part of the plan."""
    if name == "channels":
        by_name = {channel.name: channel for channel in old}
        others = [channel.name for channel in new if by_name.get(channel.name) != channel]
        return f"channels ({', '.join(others) or 'their number or order'})"
    if name == "network":
        fields = [field.name for field in dataclasses.fields(old)]
        others = [field for field in fields if getattr(old, field) != getattr(new, field)]
        return f"network ({', '.join(others)})"
    return f"{name} {old} there, {new} now"


def _inputs(setup: TrainingSetup) -> list[Mapping[str, str]]:
    """Hashes that run.json of each fold must contain."""
    labels = {case.case_id: case.label for case in setup.cases}
    patients = {case.case_id: case.patient_id for case in setup.cases}
    inputs = list[Mapping[str, str]]()
    for fold in setup.splits.folds:
        cases = (*fold.train, *fold.validation)
        records = records_of_plan(setup.paths.cases(setup.plan.name), cases, setup.plan)
        inputs.append(
            {
                "fold_hash": fold.hash_with(labels, patients),
                "preprocessed_hash": store.cases_hash(records),
            }
        )
    return inputs


_DESCRIPTIONS = {
    "fold_hash": "other cases, labels or patients in the fold",
    "preprocessed_hash": "other preprocessed images",
}


def _input_faults(subset: Subset, run: Run, now: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if run.fold >= len(now):
        yield f"{subset.name}, fold {run.fold}: there are only {len(now)} folds now"
        return
    differences = [
        _DESCRIPTIONS[key] for key, value in now[run.fold].items() if getattr(run, key) != value
    ]
    if differences:
        yield f"{subset.name}, fold {run.fold}: {'; '.join(differences)}"


def is_complete(paths: FoldPaths, run: Run) -> bool:
    """Whether a fold was trained to its end and nothing of it is missing."""
    return run.is_finished and paths.final.is_file() and paths.validation.is_file()


def left_to_train(
    paths: DatasetPaths, subsets: Iterable[Subset], n_folds: int
) -> list[tuple[Subset, int]]:
    """Subset and fold of every training that is not finished."""
    left = []
    for subset in subsets:
        model = paths.model(subset.model)
        runs = dict(runs_of(model))
        left += [
            (subset, fold)
            for fold in range(n_folds)
            if fold not in runs or not is_complete(model.fold(fold), runs[fold])
        ]
    return left


def check_budget(paths: DatasetPaths, subsets: Sequence[Subset], budget: TrainingBudget) -> None:
    """Refuse folds that were trained with other settings, epochs, seed or first weights.

    Raises:
        TrainingError: An existing fold was trained differently; all of them are named.
    """
    faults: list[str] = []
    for subset in subsets:
        expected = _expected(subset, budget)
        for _, run in runs_of(paths.model(subset.model)):
            faults += _faults(subset, run, expected)
    if faults:
        raise TrainingError(
            f"{len(faults)} fold(s) were trained with other settings than the full model.",
            file=paths.results,
            expected=f"{budget.epochs} epochs, seed {budget.seed}, and the plan of the full model",
            got=_listed(faults),
            remedy="Move the folders of these models away, or specify the options that they were "
            "trained with.",
        )


def _listed(faults: Sequence[str]) -> str:
    more = len(faults) - _MOST_LISTED
    listed = faults if more <= 0 else [*faults[:_MOST_LISTED], f"... and {more} more"]
    return "\n    " + "\n    ".join(listed)


def _expected(subset: Subset, budget: TrainingBudget) -> dict[str, object]:
    plan = with_channels(budget.plan, subset.channels)
    return {
        "epochs": budget.epochs,
        "seed": budget.seed,
        "plan_hash": documents.fingerprint_of(plan),
        "pretrained": _first_weights(budget),
    }


def _first_weights(budget: TrainingBudget) -> str:
    """SHA-256 of the file that every fold begins with; empty where none is named."""
    file = budget.pretrained_weights
    if file is None:
        return ""
    if not file.is_file():
        raise TrainingError(
            "The file of pretrained weights does not exist.", file=file, got="no such file"
        )
    return sha256_of_file(file)


def _faults(subset: Subset, run: Run, expected: Mapping[str, object]) -> list[str]:
    trained: dict[str, object] = {name: getattr(run, name) for name in expected}
    trained["pretrained"] = run.pretrained.sha256 if run.pretrained is not None else ""
    names = [name for name, value in expected.items() if trained[name] != value]
    # Other epochs change the hash of the plan too, which then says nothing new.
    if "epochs" in names and "plan_hash" in names:
        names.remove("plan_hash")
    descriptions = {
        "plan_hash": "another plan or other settings",
        "pretrained": "began with other pretrained weights, or with none",
    }
    return [
        f"{subset.name}, fold {run.fold}: "
        + descriptions.get(name, f"{name} {trained[name]}, here {expected[name]}")
        for name in names
    ]
