"""Remarks on metrics of cases that the first weights may have been trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ricenet_v2.core.listing import first_of
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.methods.facts import Facts, FoldFacts
from ricenet_v2.reporting.methods.sentence import listed, numbered, paragraph
from ricenet_v2.reporting.results.predicted import PredictedCase, Result

_SHOWN = 6


def leaked(facts: Facts, result: Result) -> str:
    """Whether the folds began with weights that had been trained on cases that they predicted."""
    sentences = []
    for fold, source in _began(facts):
        judged = {case.case_id for case in result.cases if _is_judged(case, fold)}
        seen = [case for case in source.leaked if case in judged]
        if seen:
            sentences.append(
                f"Fold {fold.number} began with {source.file}, which was trained on "
                f"{len(seen):,} of these cases ({_first(seen)}), so the metrics are optimistic."
            )
    return paragraph(*sentences)


def _is_judged(case: PredictedCase, fold: FoldFacts) -> bool:
    """Whether metrics of a case are of this fold too."""
    return not case.is_other and _has_predicted(case, fold)


def _has_predicted(case: PredictedCase, fold: FoldFacts) -> bool:
    """Whether a fold predicted a case; a case of unknown members may be of each."""
    names = {name for name, _ in case.members}
    return not names or f"fold {fold.number}" in names


def seen_before(facts: Facts, case_id: str, folds: Collection[int]) -> bool:
    """Whether the first weights of one of these folds had been trained on a case."""
    return any(fold.number in folds and case_id in source.leaked for fold, source in _began(facts))


def unverified(facts: Facts, result: Result) -> str:
    """Why it is not known whether the first weights were trained on the cases of a set."""
    reasons: dict[str, list[int]] = {}
    for fold, source in _began(facts):
        has_part = any(_has_predicted(case, fold) for case in result.cases)
        for reason in _reasons(source) if has_part else ():
            reasons.setdefault(reason, []).append(fold.number)
    return paragraph(
        *(
            f"First weights of {numbered(folds)}, which may make these metrics optimistic: "
            f"{reason}."
            for reason, folds in reasons.items()
        )
    )


def _began(facts: Facts) -> Iterator[tuple[FoldFacts, PretrainedSource]]:
    for fold in facts.folds:
        if fold.run.pretrained is not None:
            yield fold, fold.run.pretrained


def _reasons(source: PretrainedSource) -> tuple[str, ...]:
    if source.trained_on is None and not source.untold:
        unasked = (
            f"it was not checked whether {source.file} was trained on held-out cases (by a version "
            "without that check)"
        )
        return (unasked, *source.doubts)
    return (*source.untold, *source.doubts)


def _first(names: list[str]) -> str:
    return first_of(names, _SHOWN) if len(names) > _SHOWN else listed(names)
