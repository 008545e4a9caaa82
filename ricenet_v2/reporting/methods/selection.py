"""Sentences about which epoch's weights predicted, and what chose it."""

from __future__ import annotations

import re

from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.selection import chosen_by_validation
from ricenet_v2.reporting.methods.facts import Facts, FoldFacts
from ricenet_v2.reporting.methods.first_weights import leaked
from ricenet_v2.reporting.methods.sentence import SentenceTopic, listed, numbered, paragraph
from ricenet_v2.reporting.results.predicted import Result

GROUP = "Choice of the weights"
_CHECKPOINT = re.compile(r"checkpoint_(\w+)\.pth$")


def chosen_on_validation(facts: Facts) -> str:
    """A remark on out-of-fold metrics whose cases chose the epoch too; else empty."""
    if facts.plan is None:
        return ""
    ends = [fold.end for fold in facts.finished]
    return chosen_by_validation(facts.plan.training.early_stop_epochs, ends)


def out_of_fold(facts: Facts) -> str:
    """The weights that predicted the validation cases."""
    if not facts.is_network or not facts.finished or facts.out_of_fold is None:
        return ""
    unknown = [fold.number for fold in facts.finished if not fold.run.validation_checkpoint]
    if unknown:
        return paragraph(
            f"Which epoch's weights predicted the validation cases of {numbered(unknown)} is not "
            "recorded.",
            chosen_on_validation(facts),
        )
    sentence = (
        "The validation cases were predicted with the weights after the last epoch that was "
        "trained."
    )
    return paragraph(sentence, chosen_on_validation(facts) or _untouched(facts))


def _untouched(facts: Facts) -> str:
    """Whether the epochs were fixed beforehand; empty unless every fold did all of them."""
    assert facts.plan is not None
    complete = all(
        fold.done == fold.run.epochs and fold.run.epochs_set is not None for fold in facts.finished
    )
    is_extended = any(len(fold.run.epochs_set or ()) > 1 for fold in facts.finished)
    if not complete:
        return ""
    if is_extended:
        return (
            "The number of epochs was changed when metrics of these cases already existed; "
            "whether they were looked at is not recorded."
        )
    rule = facts.plan.training.early_stop_epochs
    if rule:
        return f"Early stopping was on (early_stop_epochs={rule}) but ended no fold."
    return "The number of epochs was set before training began, without early stopping."


def predicted(facts: Facts) -> str:
    """The checkpoint that predicted each folder."""
    return paragraph(*(weights_of(facts, result) for result in facts.folders))


def weights_of(facts: Facts, result: Result) -> str:
    """The checkpoint that predicted one folder, and what chose its epoch."""
    predictions = result.predictions
    if predictions is None:
        return ""
    if result.kind != "network":
        return f"{_title(result)} are by {result.kind}s that have no checkpoint."
    names = checkpoints(predictions)
    descriptions = {
        "final": "the weights after the last epoch that was trained",
        "latest": "the weights of the latest saved epoch" + _still(facts, result),
        "best": "the weights of each fold's best epoch, chosen by the highest moving average of "
        "macro F1 on the validation cases of that fold",
    }
    if not names:
        return f"{_title(result)}: which checkpoints predicted is not recorded."
    weights = listed(descriptions.get(name, f"checkpoint_{name}") for name in names)
    best = _best_epochs(facts, predictions) if "best" in names else ""
    last = _early(facts) if "final" in names else ""
    return paragraph(
        f"{_title(result)} were made with {weights}.", best, last, _other_thresholds(facts, result)
    )


def _still(facts: Facts, result: Result) -> str:
    if all(fold.is_finished for fold, _ in _used(facts, result)):
        return ", the last one of folds that have finished by now"
    return " of training that has not finished"


def _title(result: Result) -> str:
    return f"Predictions in {result.title}"


def checkpoints(predictions: Predictions) -> tuple[str, ...]:
    """`final`, `best` or `latest`, by the names of the files; empty where they do not say."""
    matches = (_CHECKPOINT.search(name) for name in sorted(predictions.checkpoint_hashes))
    return tuple(dict.fromkeys(match[1] for match in matches if match))


def _best_epochs(facts: Facts, predictions: Predictions) -> str:
    used = [
        fold
        for fold in facts.folds
        if any(_is_of(name, fold) for name in predictions.checkpoint_hashes)
    ]
    epochs = [
        f"fold {fold.number}: epoch {fold.run.best_epoch + 1:,}"
        for fold in used
        if fold.run.best_epoch is not None
    ]
    return f"By run.json these are {', '.join(epochs)}." if epochs else ""


def _is_of(name: str, fold: FoldFacts) -> bool:
    return name.startswith(f"fold_{fold.number}/")


def _early(facts: Facts) -> str:
    early = [fold.number for fold in facts.finished if fold.end.is_early]
    if not early:
        return ""
    return (
        f"Early stopping chose the last epoch of {numbered(early)} by the validation cases of "
        f"{'that fold' if len(early) == 1 else 'each of these folds'}."
    )


def _other_thresholds(facts: Facts, result: Result) -> str:
    """A note where thresholds were chosen on predictions of another epoch than these."""
    if result.evaluation is None or not any(_is_other(used) for used in _used(facts, result)):
        return ""
    chosen = [
        threshold
        for threshold in result.evaluation.thresholds
        if threshold.chosen_on.startswith("out-of-fold")
    ]
    if not chosen:
        return ""
    return (
        "The thresholds that are applied to them were chosen on out-of-fold predictions, which are "
        "by the weights after the last epoch, that is, by different weights."
    )


def _used(facts: Facts, result: Result) -> list[tuple[FoldFacts, str]]:
    """Each fold that predicted, with the name of its checkpoint."""
    predictions = result.predictions
    names = predictions.checkpoint_hashes if predictions is not None else {}
    return [
        (fold, match[1])
        for fold in facts.folds
        for name in names
        if _is_of(name, fold) and (match := _CHECKPOINT.search(name))
    ]


def _is_other(used: tuple[FoldFacts, str]) -> bool:
    """Whether a checkpoint is known to be of another epoch than the last one."""
    fold, name = used
    best = fold.run.best_epoch
    return name == "best" and best is not None and fold.done is not None and best + 1 != fold.done


def optimism(facts: Facts, result: Result) -> str:
    """Reasons for optimistic metrics of a set: its cases trained networks or chose the epoch."""
    if result.is_out_of_fold:
        written = result.evaluation.selection if result.evaluation is not None else ""
        return paragraph(chosen_on_validation(facts) or written, leaked(facts, result))
    learned = sum(bool(case.learned_by) for case in result.cases)
    sentence = ""
    if learned:
        are = "cases is a training case" if learned == 1 else "cases are training cases"
        sentence = (
            f"{learned:,} of its {are} that a {result.kind} learned from, which makes its "
            "metrics optimistic."
        )
    return paragraph(sentence, _chosen_by(facts, result), leaked(facts, result))


def _chosen_by(facts: Facts, result: Result) -> str:
    """A note on validation cases that chose the epoch of the fold that predicted them."""
    if facts.splits is None:
        return ""
    chosen: set[str] = set()
    for fold, name in _used(facts, result):
        has_chosen = name == "best" or fold.end.is_early
        if has_chosen and fold.number < len(facts.splits.folds):
            chosen |= set(facts.splits.folds[fold.number].validation)
    n = sum(case.case_id in chosen and not case.is_other for case in result.cases)
    if not n:
        return ""
    return (
        f"{n:,} of its cases {'is a validation case' if n == 1 else 'are validation cases'} that "
        "chose the epoch of a network that predicted them, which makes its metrics optimistic."
    )


def settings(facts: Facts) -> str:
    """Statement on a search for settings: the files contain one plan."""
    if facts.plan is None or not facts.folds:
        return ""
    return (
        "The files contain one plan and no record of a search for settings; they do not say "
        "whether settings were changed after metrics of these cases had been seen."
    )


SUBJECTS = (
    SentenceTopic("validation_weights", "weights, out-of-fold", GROUP, out_of_fold),
    SentenceTopic("prediction_weights", "weights, predictions", GROUP, predicted),
    SentenceTopic("settings", "search for settings", GROUP, settings),
)
