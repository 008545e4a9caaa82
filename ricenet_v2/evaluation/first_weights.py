"""Had the weights that a model began with seen the cases that it is judged by?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ricenet_v2.core import documents
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.paths import ModelPaths

NAME = "first weights and held-out cases"
_TOLD = 5


def first_weights(model: ModelPaths, case_ids: Iterable[str]) -> list[SanityCheck]:
    """The check, for a model whose runs are there.

    Args:
        model: Files of its folds.
        case_ids: That are judged: out-of-fold, or of a test set.

    Returns:
        One check, or none without a run.json.
    """
    there = [fold for fold in model.folds() if model.fold(fold).run.is_file()]
    if not there:
        return []
    runs = {fold: documents.read(Run, model.fold(fold).run) for fold in there}
    sources = {fold: run.pretrained for fold, run in runs.items() if run.pretrained is not None}
    if not sources:
        return [SanityCheck(NAME, "fine", "no fold began with weights of another training")]
    judged = frozenset(case_ids)
    faults = [fault for fold, one in sources.items() for fault in _faults(fold, one, judged)]
    if faults:
        return [SanityCheck(NAME, "doubt", "; ".join(faults))]
    if reasons := _reasons(sources):
        return [SanityCheck(NAME, "not available", f"cannot be told: {'; '.join(reasons)}")]
    names = ", ".join(dict.fromkeys(one.file for one in sources.values()))
    known = max(one.trained_on or 0 for one in sources.values())
    told = f"none of these cases is among the {known} that {names} was trained on"
    return [SanityCheck(NAME, "fine", told)]


def _faults(fold: int, source: PretrainedSource, judged: frozenset[str]) -> list[str]:
    seen = [case for case in source.leaked if case in judged]
    if not seen:
        return [f"fold {fold}: {doubt}" for doubt in source.doubts]
    return [
        f"fold {fold} began with {source.file}, which was trained on {len(seen)} of these cases: "
        + _listed(seen)
    ]


def _reasons(sources: Mapping[int, PretrainedSource]) -> list[str]:
    """Why it cannot be told, each once with its folds."""
    folds: dict[str, list[str]] = {}
    for fold, source in sources.items():
        unasked = f"{source.file} was taken by an older version, which did not look"
        is_unasked = source.trained_on is None and not source.untold
        for reason in (unasked,) if is_unasked else source.untold:
            folds.setdefault(reason, []).append(str(fold))
    return [f"{reason} (fold {', '.join(own)})" for reason, own in folds.items()]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
