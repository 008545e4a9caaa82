"""Had the weights that a model began with seen the cases that it is judged by?"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ricenet_v2.core import documents
from ricenet_v2.core.listing import first_of
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.paths import ModelPaths

NAME = "first weights and held-out cases"
_MOST_LISTED = 5


def judged_by_fold(evaluated: EvaluationInput) -> dict[int, tuple[str, ...]]:
    """The cases that are judged, by the fold whose network predicted them.

    Out-of-fold, each is predicted by the fold that holds it out; a new case by all folds that
    predictions.json or the columns of the members name, or else by all that there are.
    """
    labelled, provenance = evaluated.labelled, evaluated.provenance
    if labelled.folds:
        held_out: dict[int, list[str]] = {}
        for case, fold in zip(labelled.case_ids, labelled.folds, strict=True):
            held_out.setdefault(fold, []).append(case)
        return {fold: tuple(cases) for fold, cases in sorted(held_out.items())}
    folds = (provenance.folds if provenance is not None else ()) or tuple(labelled.members)
    if not folds and evaluated.model is not None:
        folds = tuple(evaluated.model.folds())
    return dict.fromkeys(folds, labelled.case_ids)


def first_weights(model: ModelPaths, judged: Mapping[int, Collection[str]]) -> list[SanityCheck]:
    """The check, for a model whose runs are there.

    Args:
        model: Files of its folds.
        judged: The cases that each fold predicted, see `judged_by_fold`: what the weights of other
            folds have seen does not affect these predictions.

    Returns:
        One check, or none without a run.json.
    """
    existing = [fold for fold in judged if model.fold(fold).run.is_file()]
    if not existing:
        return []
    runs = {fold: documents.read(Run, model.fold(fold).run) for fold in existing}
    sources = {fold: run.pretrained for fold, run in runs.items() if run.pretrained is not None}
    if not sources:
        return [SanityCheck(NAME, "fine", "no fold started from pretrained weights")]
    faults = [
        fault for fold, source in sources.items() for fault in _faults(fold, source, judged[fold])
    ]
    if faults:
        return [SanityCheck(NAME, "doubt", "; ".join(faults))]
    if reasons := _reasons(sources):
        return [SanityCheck(NAME, "not available", f"cannot be determined: {'; '.join(reasons)}")]
    names = ", ".join(dict.fromkeys(source.file for source in sources.values()))
    known = max(source.trained_on or 0 for source in sources.values())
    sentence = f"none of these cases is among the {known} that {names} was trained on"
    return [SanityCheck(NAME, "fine", sentence)]


def _faults(fold: int, source: PretrainedSource, judged: Collection[str]) -> list[str]:
    seen = [case for case in source.leaked if case in judged]
    if not seen:
        return [f"fold {fold}: {doubt}" for doubt in source.doubts]
    return [
        f"fold {fold} began with {source.file}, which was trained on {len(seen)} of these cases: "
        + first_of(seen, _MOST_LISTED)
    ]


def _reasons(sources: Mapping[int, PretrainedSource]) -> list[str]:
    """Reasons why it cannot be determined, each once with its folds."""
    folds: dict[str, list[str]] = {}
    for fold, source in sources.items():
        unasked = f"{source.file} was used by an older version, which did not check this"
        is_unasked = source.trained_on is None and not source.untold
        for reason in (unasked,) if is_unasked else source.untold:
            folds.setdefault(reason, []).append(str(fold))
    return [f"{reason} (fold {', '.join(numbers)})" for reason, numbers in folds.items()]
