"""Sentences about class frequencies: what networks were taught, and what probabilities refer to.

Files may lack all of it: networks of older versions were not corrected for the class frequencies
of their training cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ricenet_v2.records.prediction import Predictions
from ricenet_v2.report.methods.facts import Facts
from ricenet_v2.report.methods.sentence import begun, numbered, said
from ricenet_v2.report.results.predicted import Result
from ricenet_v2.report.words import percent

RULES = {
    "balanced": "the class whose probability is largest in relation to its share among the "
    "training cases, as if all classes were equally frequent",
    "probable": "the class of the largest probability",
}
"""Which class is called, by the rule that a file names."""


def of_validation(facts: Facts) -> str:
    """What the probabilities of the validation cases refer to."""
    if facts.plan is None or facts.out_of_fold is None:
        return ""
    priors = {fold.number: getattr(fold.run, "prior", None) for fold in facts.finished}
    corrected = {number: prior for number, prior in priors.items() if prior is not None}
    rest = [number for number in priors if number not in corrected]
    told = []
    if corrected:
        told.append(
            f"Probabilities of the validation cases of {numbered(list(corrected))} are corrected: "
            f"the networks were taught {_taught(facts, list(corrected.values()))}, and their "
            f"outputs are brought to the shares of each fold's training cases "
            f"({_shares(facts, list(corrected.values()))})."
        )
    if rest or not priors:
        told.append(_uncorrected(facts, rest if corrected else []))
    return said(*told)


def _taught(facts: Facts, priors: Sequence[Any]) -> str:
    shares = [prior.trained for prior in priors]
    if all(len({round(one, 3) for one in values if one > 0}) == 1 for values in shares):
        return "all classes as equally frequent"
    return f"classes of these shares: {_ranges(facts, shares)}"


def _shares(facts: Facts, priors: Sequence[Any]) -> str:
    return _ranges(facts, [prior.shares for prior in priors])


def _ranges(facts: Facts, shares: Sequence[Sequence[float]]) -> str:
    told = []
    for index, name in enumerate(facts.dataset.classes):
        low, high = (f(values[index] for values in shares) for f in (min, max))
        ends = (
            percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"
        )
        told.append(f"{name} {ends}")
    return ", ".join(told)


def _uncorrected(facts: Facts, folds: Sequence[int]) -> str:
    """By the balance of training, of all folds where none is named."""
    assert facts.plan is not None
    balance = facts.plan.training.balance
    which = f" of {numbered(folds)}" if folds else ""
    if balance == "none":
        return (
            "Training showed cases as often as they occur, so probabilities of the validation "
            f"cases{which} refer to the class frequencies of the training cases"
            f"{_frequencies(facts)}."
        )
    return (
        f"Training weighed all classes alike (balance={balance}), so probabilities of the "
        f"validation cases{which} are of balanced classes; they are not corrected for how frequent "
        f"the classes are{_frequencies(facts)}."
    )


def _frequencies(facts: Facts) -> str:
    train = facts.of_split("train")
    if not train:
        return ""
    counts = Counter(case.label for case in train)
    told = ", ".join(
        f"{name} {percent(counts[name] / len(train))}" for name in facts.dataset.classes
    )
    return f" (training cases: {told})"


def of_folder(facts: Facts, result: Result) -> str:
    """What the probabilities of a folder refer to."""
    made = result.predictions
    if made is None or result.kind != "network" or facts.plan is None:
        return ""
    prior = tuple(getattr(made, "prior", ()))
    whole = "Probabilities" if made.combine != "vote" else "Probabilities of the members"
    if not prior:
        what = (
            "are not corrected for class frequencies, and refer to those of the training cases"
            if facts.plan.training.balance == "none"
            else "are of balanced classes, not corrected for how frequent the classes are"
        )
        return f"{whole} in {result.title} {what}."
    shares = ", ".join(f"{n} {percent(p)}" for n, p in zip(made.classes, prior, strict=True))
    whose = (
        "which the user named"
        if getattr(made, "prior_named", False)
        else "those of the training cases"
    )
    return f"{whole} in {result.title} are corrected to class shares of {shares}, {whose}."


def rule_of(result: Result, facts: Facts) -> str:
    """Which class is called, by the rule that the files name; empty where they name none."""
    if result.is_out_of_fold:
        rules = {str(getattr(fold.run, "decide", None) or "") for fold in facts.finished}
        rule = rules.pop() if len(rules) == 1 else ""
    else:
        rule = str(getattr(result.predictions, "decide", None) or "")
    return f"In {result.title}, a case is called {RULES.get(rule, rule)}." if rule else ""


def recalibrated(made: Predictions) -> str:
    """What of ricenet_calibrate was applied, in words; empty for nothing."""
    applied = getattr(made, "applied", None)
    if applied is not None:
        return str(applied.words)
    return "" if made.temperature is None else f"temperature {made.temperature:.3f}"


def calibration_words(found: Any) -> str:
    """What a calibration applies: newer ones say it themselves."""
    return str(getattr(found, "words", "") or f"Temperature {found.temperature:.3f}")


def warned(made: Predictions) -> str:
    """Warnings of all cases of a folder."""
    return said(*(f"{begun(one)}." for one in getattr(made, "warnings", ())))
