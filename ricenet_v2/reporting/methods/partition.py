"""Sentences about folds and splits, each counted on the files themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.reporting.formatting import percent, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import (
    SentenceTopic,
    capitalised,
    listed,
    numbered,
    paragraph,
)

GROUP = "Partitions"


def folds(facts: Facts) -> str:
    """Number and size of the folds, their class balance, and what they were grouped by."""
    splits = facts.splits
    if splits is None:
        return ""
    sizes = [len(fold.validation) for fold in splits.folds]
    if facts.is_full:
        return (
            "The network was trained on all training cases. No case was held out of it, so there "
            "are no out-of-fold metrics of it."
        )
    if not sizes:
        return f"By splits_final.json, folds: {splits.described}."
    sentence = (
        f"By splits_final.json there are {splits.described}, with {_range(sizes)} validation "
        "cases each."
    )
    return paragraph(
        sentence,
        f"Each fold holds out one value of the column {splits.group} of cases.csv."
        if splits.group
        else "",
        _held_out(splits),
        _balance(facts, splits),
        _moved(facts),
    )


def _range(values: Iterable[int]) -> str:
    distinct = sorted(set(values))
    return f"{distinct[0]:,}" if len(distinct) == 1 else f"{distinct[0]:,} to {distinct[-1]:,}"


def _held_out(splits: Splits) -> str:
    if not splits.folds:
        return ""
    counts = Counter(case for fold in splits.folds for case in fold.validation)
    trained = {case for fold in splits.folds for case in fold.train}
    if trained <= set(counts) and set(counts.values()) <= {splits.repeats}:
        of_repeat = " of each repeat" if splits.repeats > 1 else ""
        return f"Each of these cases is held out of exactly one fold{of_repeat}."
    if splits.holdout and not trained & set(counts):
        return (
            f"It is the only fold: the {several(len(trained), 'case')} that it learns from "
            f"{'is' if len(trained) == 1 else 'are'} held out of none."
        )
    never = len(trained - set(counts))
    often = sum(n > 1 for n in counts.values())
    return (
        f"{several(never, 'case')} {'is' if never == 1 else 'are'} held out of no fold, "
        f"{often:,} of several."
    )


def _balance(facts: Facts, splits: Splits) -> str:
    """The share of the classes in each fold, counted: a file of folds says not how it was made."""
    if not facts.cases:
        return ""
    name = facts.dataset.classes[facts.dataset.positive_index]
    shares = []
    for fold in splits.folds:
        labels = [facts.cases[case].label for case in fold.validation if case in facts.cases]
        if labels:
            shares.append(labels.count(name) / len(labels))
    if not shares:
        return ""
    return f"The share of {name} in a fold is {percent(min(shares))} to {percent(max(shares))}."


def _moved(facts: Facts) -> str:
    """Folds that were trained as folds of others than the files have now."""
    sentence = ""
    if facts.moved_folds:
        were = "was" if len(facts.moved_folds) == 1 else "were"
        sentence = (
            f"{capitalised(numbered(facts.moved_folds))} {were} trained on other cases, labels or "
            "patients than splits_final.json and cases.csv list now."
        )
    return paragraph(sentence, *_other_scheme(facts))


def _other_scheme(facts: Facts) -> Iterator[str]:
    """Folds that, by their run.json, were trained in another division into folds than today's."""
    assert facts.splits is not None
    n = len(facts.splits.folds)
    for fold in facts.folds:
        run = fold.run
        held_out = dict(enumerate(facts.splits.held_out)).get(fold.number, "")
        now = n, facts.splits.repeats, facts.splits.holdout, facts.splits.group, held_out
        if (run.n_folds, run.repeats, run.holdout, run.group, run.held_out) == now:
            continue
        how = f", leaving out {run.group} {run.held_out}" if run.group else ", stratified by class"
        how += f", in {run.repeats} repeats" if run.repeats > 1 else ""
        how += f", with {run.holdout} held out" if run.holdout else ""
        yield (
            f"By its run.json, fold {fold.number} was trained as one of "
            f"{several(run.n_folds, 'fold')}{how}."
        )


def disjoint(facts: Facts) -> str:
    """Whether a patient is on two sides, by the patient ids of cases.csv."""
    if not facts.cases:
        return ""
    sentences = []
    if facts.splits is not None:
        wrong = [n for n, fold in enumerate(facts.splits.folds) if _shared(facts, fold)]
        sentences.append(
            f"Patients are on both sides of {numbered(wrong)}."
            if wrong
            else "No patient of cases.csv is on both sides of a fold."
        )
    both = _patients(facts, "train") & _patients(facts, "test")
    if facts.of_split("test"):
        sentences.append(
            f"{several(len(both), 'patient')} {'has' if len(both) == 1 else 'have'} cases in both "
            "the training and the test split."
            if both
            else "No patient has cases in both the training and the test split."
        )
    return paragraph(*sentences)


def _shared(facts: Facts, fold: Fold) -> set[str]:
    sides = [
        {facts.cases[case].patient_id for case in side if case in facts.cases}
        for side in (fold.train, fold.validation)
    ]
    return sides[0] & sides[1]


def _patients(facts: Facts, split: str) -> set[str]:
    return {case.patient_id for case in facts.of_split(split)}


def leaks(facts: Facts) -> str:
    """Findings of the sanity checks of each set of predictions."""
    return paragraph(*_leaks(facts))


def _leaks(facts: Facts) -> Iterator[str]:
    for result in facts.results:
        if result.sanity is None or not result.sanity.checks:
            continue
        outcomes = [
            f"{check.name}: {check.outcome} ({check.found})" for check in result.sanity.checks
        ]
        yield f"Checks of {result.title}: {'; '.join(outcomes)}."


def scope(facts: Facts) -> str:
    """Whether anything measured for the plan came from test cases."""
    fingerprint = facts.fingerprint
    if fingerprint is None or not facts.cases:
        return ""
    test = {case.case_id for case in facts.of_split("test")}
    inside = sorted(test & {case.case_id for case in fingerprint.cases})
    overlap = (
        f"the test cases {listed(inside)} among them" if inside else "none of them a test case"
    )
    folds = "; the validation cases of the folds are among them" if _all_validated(facts) else ""
    return (
        f"The fingerprint was measured on {several(fingerprint.n_cases, 'case')}, {overlap}{folds}."
    )


def _all_validated(facts: Facts) -> bool:
    if facts.splits is None or facts.fingerprint is None or not facts.splits.folds:
        return False
    measured = {case.case_id for case in facts.fingerprint.cases}
    return all(set(fold.validation) <= measured for fold in facts.splits.folds)


SUBJECTS = (
    SentenceTopic("folds", "folds", GROUP, folds),
    SentenceTopic("disjoint", "separation of patients", GROUP, disjoint),
    SentenceTopic("scope", "cases measured for the plan", GROUP, scope),
    SentenceTopic("leaks", "checks for leaks", GROUP, leaks),
)
