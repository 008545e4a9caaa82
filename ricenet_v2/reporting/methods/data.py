"""Sentences about the cases: sources, numbers, channels, gaps, and what the checks found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.run import Run
from ricenet_v2.reporting.formatting import number, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import SentenceTopic, listed, paragraph
from ricenet_v2.reporting.results.cohort import shown_covariates

GROUP = "Data"
_MOST_COLUMNS = 30


def source(facts: Facts) -> str:
    """Description in dataset.json."""
    data = facts.dataset
    entries = {"description": data.description, "reference": data.reference}
    description = "; ".join(f"{name}: {text}" for name, text in entries.items() if text)
    return (
        f"dataset.json of {data.name} describes the data as follows: {description}."
        if description
        else ""
    )


def outcome(facts: Facts) -> str:
    """The classes."""
    data = facts.dataset
    of = ""
    if len(data.classes) == 2:
        positive = data.classes[data.positive_index]
        named = "" if data.positive_class else " (the last one, since dataset.json names none)"
        of = f"; the positive class is {positive}{named}"
    return f"The outcome has {len(data.classes)} classes, {listed(data.classes)}{of}."


def size(facts: Facts) -> str:
    """Cases, patients and classes of each split."""
    if not facts.cases:
        return ""
    everyone = list(facts.cases.values())
    parts = [
        f"{several(len(cases), f'{name} case')} of {_patients(cases)} ({_labels(cases)})"
        for split, name in (("train", "training"), ("test", "test"))
        if (cases := facts.of_split(split))
    ]
    return (
        f"cases.csv lists {several(len(everyone), 'case')} of {_patients(everyone)}: "
        f"{listed(parts)}."
    )


def _patients(cases: Sequence[Case]) -> str:
    return several(len({case.patient_id for case in cases}), "patient")


def _labels(cases: Sequence[Case]) -> str:
    counts = Counter(case.label for case in cases)
    return ", ".join(f"{n:,} {label or 'without a label'}" for label, n in sorted(counts.items()))


def flow(facts: Facts) -> str:
    """Numbers of the listed cases that were predicted."""
    if not facts.cases:
        return ""
    clauses = []
    train, test = facts.of_split("train"), facts.of_split("test")
    if (out_of_fold := facts.out_of_fold) is not None:
        predicted = {case.case_id for case in out_of_fold.cases}
        n = sum(case.case_id in predicted for case in train)
        clauses.append(
            f"Of {several(len(train), 'training case')}, {n:,} have an out-of-fold prediction"
        )
    for result in facts.folders:
        pages = {case.page for case in result.cases}
        n = sum(case.case_id in pages for case in test)
        failed = f"; {len(result.failed):,} could not be predicted" if result.failed else ""
        clauses.append(
            f"Of {several(len(test), 'test case')}, {n:,} were predicted in {result.title}{failed}"
        )
    return paragraph(*(f"{clause}." for clause in clauses))


def _columns(run: Run) -> str:
    """The columns that a tabular comparator sees, and where radiomic features are from."""
    names = list(run.channels)
    if not names:
        return ""
    if len(names) > _MOST_COLUMNS:
        more = len(names) - _MOST_COLUMNS
        names = [*names[:_MOST_COLUMNS], f"{more:,} more, which features.csv lists"]
    package = run.versions.get("mirp")
    return paragraph(
        f"The model sees the columns {listed(names)}.",
        f"Radiomic features are computed by MIRP {package} by the definitions of the IBSI on "
        "voxels of 1 mm, texture on 32 grey levels; those that the regression sees are selected "
        "inside the training cases of each fold."
        if package
        else "",
    )


def channels(facts: Facts) -> str:
    """The channels that the model sees, and those of the dataset that it does not."""
    if facts.plan is None:
        return _columns(facts.folds[0].run) if facts.folds else ""
    seen = {channel.name for channel in facts.plan.channels}
    seen_channels = [channel for channel in facts.dataset.channels if channel.name in seen]
    rest = [channel.name for channel in facts.dataset.channels if channel.name not in seen]
    names = ", ".join(map(_channel, seen_channels))
    sentence = f"The networks see {several(len(seen_channels), 'channel')}: {names}."
    return paragraph(sentence, f"They do not see {listed(rest)} of the dataset." if rest else "")


def _channel(channel: Channel) -> str:
    kind = KINDS[channel.kind].label
    more = [channel.timepoint or "", f"in {channel.unit}" if channel.unit else ""]
    return f"{channel.name} ({', '.join([kind, *filter(None, more)])})"


def missing(facts: Facts) -> str:
    """Cases that were not preprocessed or not predicted, and covariates that are not known."""
    sentences = []
    stored = sum(facts.stored.values())
    if facts.cases and stored:
        n_missing = len(facts.cases) - stored
        held = ", ".join(
            f"{n:,} {'has' if n == 1 else 'have'} {several(k, 'channel')}"
            for k, n in sorted(facts.channel_counts.items())
        )
        sentences.append(
            f"Of {several(len(facts.cases), 'listed case')}, {n_missing:,} "
            f"{'was' if n_missing == 1 else 'were'} not preprocessed; of the others, {held}."
            if n_missing
            else f"All {several(len(facts.cases), 'listed case')} were preprocessed; {held}."
        )
    for result in facts.results:
        n = len(result.evaluation.missing) if result.evaluation else 0
        if n:
            are = "is" if n == 1 else "are"
            sentences.append(
                f"{several(n, 'case')} with a label {are} not included in the metrics of "
                f"{result.title}."
            )
        n = len(result.evaluation.unlabelled) if result.evaluation else 0
        if n:
            are = "is" if n == 1 else "are"
            sentences.append(
                f"{several(n, 'case')} of {result.title} without a known label {are} not included "
                "in its metrics."
            )
    sentences += [
        f"{several(len(result.failed), 'case')} of {result.title} could not be predicted."
        for result in facts.folders
        if result.failed
    ]
    gaps = covariate_gaps(facts)
    if gaps:
        counts = ", ".join(f"{name} in {several(n, 'case')}" for name, n in gaps.items())
        sentences.append(f"Covariates that are not known: {counts}.")
    return paragraph(*sentences)


def covariate_gaps(facts: Facts) -> dict[str, int]:
    """Number of cases in which each covariate that may be shown is not known, if any."""
    everyone = list(facts.cases.values())
    counts = {
        name: sum(not known(case.covariates.get(name, "")) for case in everyone)
        for name in shown_covariates(everyone)
    }
    return {name: n for name, n in counts.items() if n}


def characteristics(facts: Facts) -> str:
    """The covariates that are tabulated."""
    names = shown_covariates(facts.cases.values())
    if not names:
        return ""
    return f"Characteristics are tabulated by split and class for {listed(names)}."


def compared(facts: Facts) -> str:
    """Whether training and test cases can be compared in the table of characteristics."""
    names = shown_covariates(facts.cases.values())
    if not names or not facts.of_split("train") or not facts.of_split("test"):
        return ""
    return f"Training and test cases are compared side by side in that table, by {listed(names)}."


def treatment(facts: Facts) -> str:
    """Ranges of dose of the training cases."""
    doses = facts.plan.dose_range.items() if facts.plan is not None else ()
    return paragraph(
        *(
            f"The maximum dose of the training cases in channel {name} ranges from "
            f"{number(low)} to {number(high)} Gy."
            for name, (low, high) in doses
        )
    )


def checked(facts: Facts) -> str:
    """Findings of the check of the dataset."""
    integrity = facts.integrity
    if integrity is None:
        return ""
    return (
        f"The check of the dataset looked at {several(integrity.n_images, 'image')} of "
        f"{several(integrity.n_cases, 'case')} and found "
        f"{several(len(integrity.errors), 'error')} and "
        f"{several(len(integrity.warnings), 'warning')}."
    )


SUBJECTS = (
    SentenceTopic("source", "sources", GROUP, source),
    SentenceTopic("outcome", "outcome", GROUP, outcome),
    SentenceTopic("size", "number of cases", GROUP, size),
    SentenceTopic("flow", "flow", GROUP, flow),
    SentenceTopic("channels", "channels", GROUP, channels),
    SentenceTopic("missing", "missing data", GROUP, missing),
    SentenceTopic("characteristics", "characteristics", GROUP, characteristics),
    SentenceTopic("compared", "training and test compared", GROUP, compared),
    SentenceTopic("treatment", "dose", GROUP, treatment),
    SentenceTopic("checked", "check of the dataset", GROUP, checked),
)
