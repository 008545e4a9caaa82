"""Sentences about the folds that predicted: how they were combined, and which are left out."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.records.prediction import Predictions
from ricenet_v2.reporting.formatting import several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import capitalised, numbered, paragraph
from ricenet_v2.reporting.results.predicted import PredictedCase, Result


def fold_of(case: PredictedCase) -> int:
    """Number of the fold that predicted a validation case."""
    return _number(case.part)


def without(facts: Facts, result: Result) -> str:
    """Folds that have no out-of-fold predictions."""
    folds = {fold_of(case) for case in result.cases}
    missing = [n for n in range(facts.n_folds // facts.repeats) if n not in folds]
    if not missing:
        if facts.repeats == 1:
            return ""
        return (
            f"All cases were divided into folds {facts.repeats:,} times; what is shown of single "
            "cases is of the first division."
        )
    return (
        f"The validation cases of {numbered(missing)} (of {facts.n_folds:,} folds) are not among "
        f"them{_untrained(facts, missing)}."
    )


def ensemble(facts: Facts) -> str:
    """Combination of the members, in each folder."""
    return paragraph(*(ensemble_of(facts, result) for result in facts.folders))


def ensemble_of(facts: Facts, result: Result) -> str:
    """Combination of the members of one folder, and the missing folds."""
    predictions = result.predictions
    if predictions is None:
        return ""
    folds = sorted({_number(name) for case in result.cases for name, _ in case.members})
    return paragraph(f"{_combined(result, predictions, folds)}.", _left_out(facts, folds))


def _number(name: str) -> int:
    return int(name.removeprefix("fold "))


def _combined(result: Result, predictions: Predictions, folds: Sequence[int]) -> str:
    members = f"{several(len(folds), result.kind)} ({numbered(folds)})" if folds else result.kind
    if len(folds) == 1:
        return f"Predictions in {result.title} are those of {members}, not of an ensemble"
    if predictions.combine == "vote":
        return (
            f"Predictions in {result.title} are majority votes of {members}; a tie goes to the "
            "class with the highest mean probability over the members, and the value reported as "
            f"the probability of a class is the share of {result.kind}s that vote for it, also in "
            "all metrics that use probabilities"
        )
    return (
        f"Predictions in {result.title} are the {predictions.combine} of the probabilities of "
        f"{members}"
    )


def _left_out(facts: Facts, folds: Sequence[int]) -> str:
    missing = [n for n in range(facts.n_folds) if n not in folds] if folds else []
    if not missing:
        return ""
    return (
        f"{capitalised(numbered(missing))} (of {facts.n_folds:,} folds) "
        f"{'is' if len(missing) == 1 else 'are'} not among the members"
        f"{_untrained(facts, missing)}."
    )


def _untrained(facts: Facts, missing: Sequence[int]) -> str:
    """The folds among these that are not trained, as the end of a sentence."""
    untrained = [n for n in missing if n in facts.untrained]
    if not untrained:
        return ""
    which = numbered(untrained)
    if untrained == list(missing):
        which = "this fold" if len(missing) == 1 else "these folds"
    return f": {which} {'is' if len(untrained) == 1 else 'are'} not trained"
