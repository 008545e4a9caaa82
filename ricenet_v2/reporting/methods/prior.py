"""Sentences about class frequencies: what networks were taught, and what probabilities refer to.

Networks of older versions were not corrected for the class frequencies of their training cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import Decide, Prior
from ricenet_v2.reporting.formatting import percent
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import capitalised, listed, numbered, paragraph
from ricenet_v2.reporting.results.predicted import Result

_SAME = 1e-6  # by which shares may differ
RULES: dict[Decide, str] = {
    "balanced": "the class whose probability is highest relative to its prior, i.e. as if all "
    "classes were equally frequent",
    "probable": "the class with the highest probability",
}
"""The predicted class, by the rule that a file names."""


def of_validation(facts: Facts) -> str:
    """Class frequencies to which the probabilities of the validation cases refer."""
    if facts.out_of_fold is None:
        return ""
    corrected = {
        fold.number: prior for fold in facts.finished if (prior := fold.run.prior) is not None
    }
    rest = [fold.number for fold in facts.finished if fold.number not in corrected]
    sentences = []
    if corrected:
        sentences.append(_corrected(facts, list(corrected), list(corrected.values())))
    if facts.plan is not None and (rest or not facts.finished):
        sentences.append(_uncorrected(facts, rest if corrected else []))
    return paragraph(*sentences)


def _corrected(facts: Facts, folds: Sequence[int], priors: Sequence[Prior]) -> str:
    who = f"Probabilities of the validation cases of {numbered(folds)}"
    shares = _ranges(facts, [prior.shares for prior in priors])
    if all(_is_close(prior.trained, prior.shares) for prior in priors):
        return (
            f"{who} refer to the class frequencies of the training cases of the dataset "
            f"({shares}), with which the {facts.model}s were trained; there was nothing to correct."
        )
    return (
        f"{who} are corrected: the {facts.model}s were trained with {_taught(facts, priors)}, and "
        "their outputs are adjusted to the class frequencies of the training cases of the dataset "
        f"({shares})."
    )


def _is_close(first: Sequence[float], second: Sequence[float]) -> bool:
    return all(abs(a - b) < _SAME for a, b in zip(first, second, strict=True))


def _taught(facts: Facts, priors: Sequence[Prior]) -> str:
    shares = [prior.trained for prior in priors]
    if all(len({round(share, 3) for share in values if share > 0}) == 1 for values in shares):
        return "all classes equally frequent"
    return f"these class frequencies: {_ranges(facts, shares)}"


def _ranges(facts: Facts, shares: Sequence[Sequence[float]]) -> str:
    class_shares = []
    for index, name in enumerate(facts.dataset.classes):
        low, high = (f(values[index] for values in shares) for f in (min, max))
        ends = (
            percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"
        )
        class_shares.append(f"{name} {ends}")
    return ", ".join(class_shares)


def _uncorrected(facts: Facts, folds: Sequence[int]) -> str:
    """Class frequencies of uncorrected probabilities, by the balance of training; no folds: all."""
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
        f"validation cases{which} correspond to balanced classes; they are not corrected for class "
        f"frequencies{_frequencies(facts)}."
    )


def _frequencies(facts: Facts) -> str:
    train = facts.of_split("train")
    if not train:
        return ""
    counts = Counter(case.label for case in train)
    frequencies = ", ".join(
        f"{name} {percent(counts[name] / len(train))}" for name in facts.dataset.classes
    )
    return f" (training cases: {frequencies})"


def of_folder(facts: Facts, result: Result) -> str:
    """Class frequencies to which the probabilities of a folder refer."""
    predictions = result.predictions
    if predictions is None or result.kind != "network" or facts.plan is None:
        return ""
    whole = "Probabilities" if predictions.combine != "vote" else "Probabilities of the members"
    if not predictions.prior:
        what = (
            "are not corrected for class frequencies, and refer to those of the training cases"
            if facts.plan.training.balance == "none"
            else "correspond to balanced classes and are not corrected for class frequencies"
        )
        return f"{whole} in {result.title} {what}."
    shares = ", ".join(
        f"{n} {percent(p)}" for n, p in zip(predictions.classes, predictions.prior, strict=True)
    )
    whose = (
        "which the user named"
        if predictions.prior_named
        else "those of the training cases of the dataset"
    )
    return paragraph(
        f"{whole} in {result.title} refer to class frequencies of {shares}, {whose}.",
        _members_taught(facts, predictions),
        _covariates_of(predictions),
    )


def _covariates_of(predictions: Predictions) -> str:
    """Covariates that were added to the image; empty if there were none."""
    if not predictions.covariates:
        return ""
    return (
        "A logistic regression, fitted on out-of-fold predictions (fusion.json), added "
        f"{listed(predictions.covariates)} to the log odds of each member."
    )


def _members_taught(facts: Facts, predictions: Predictions) -> str:
    """Class frequencies in the training of the members, if their checkpoints record them."""
    priors = [member.prior for member in predictions.priors]
    if not priors:
        return (
            "Their checkpoints are of an older version and do not record the class frequencies of "
            "training."
        )
    return f"Their members were trained with {_taught(facts, priors)}."


def set_of(result: Result) -> str:
    """A set of predictions as part of a sentence."""
    if result.is_out_of_fold:
        return "the out-of-fold predictions"
    return f"the predictions in {result.title}"


def rule_of(result: Result, facts: Facts) -> str:
    """The predicted class, by the rule that the files name; empty where they name none."""
    if not result.is_out_of_fold:
        predictions = result.predictions
        if predictions is None or predictions.decide is None:
            return ""
        if predictions.combine == "vote":
            return (
                f"In {set_of(result)}, each network votes for {RULES[predictions.decide]}; a case "
                "is assigned the class with the most votes."
            )
        return f"Each case of {set_of(result)} is assigned {RULES[predictions.decide]}."
    rules: dict[Decide | None, list[int]] = {}
    for fold in facts.finished:
        rules.setdefault(fold.run.decide, []).append(fold.number)
    sentences = [
        f"Each case of {set_of(result)}{_of_those(folds, rules)} is assigned {RULES[rule]}."
        for rule, folds in rules.items()
        if rule is not None
    ]
    return paragraph(*sentences)


def _of_those(folds: Sequence[int], rules: Mapping[Decide | None, Sequence[int]]) -> str:
    return f" ({numbered(folds)})" if len(rules) > 1 else ""


def warnings_of(predictions: Predictions) -> str:
    """Warnings of all cases of a folder."""
    return paragraph(*(f"{capitalised(warning)}." for warning in predictions.warnings))
