"""The cohort: the flow of cases to the metrics, and what is known of the cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.records.cells import known, numbers, with_points
from ricenet_v2.records.dataset import BOOKKEEPING, Case
from ricenet_v2.records.identity import is_identity
from ricenet_v2.reporting.formatting import NOTHING, number, percent, several
from ricenet_v2.reporting.results.predicted import Result
from ricenet_v2.reporting.results.sources import Sources

_MOST_VALUES = 8
_MOST_NUMBERS = 5


@dataclass(frozen=True)
class FlowStep:
    """A box of the flow: what it holds, and what fell out before it, in words."""

    title: str
    cases: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """The whole cohort, then the training cases and the test cases."""

    start: FlowStep
    training: tuple[FlowStep, ...]
    test: tuple[FlowStep, ...]


def flow(sources: Sources) -> Flow | None:
    """The flow from cases.csv to the metrics; None if the raw dataset is not on this machine."""
    if not sources.cases:
        return None
    everyone = list(sources.cases.values())
    n_patients = len({case.patient_id for case in everyone})
    start = FlowStep(f"Listed in cases.csv, {several(n_patients, 'patient')}", len(everyone))
    training = [case.case_id for case in everyone if case.split == "train"]
    test = [case.case_id for case in everyone if case.split == "test"]
    return Flow(start, tuple(_training(sources, training)), tuple(_test(sources, test)))


def _training(sources: Sources, ids: Sequence[str]) -> Iterable[FlowStep]:
    yield FlowStep("Training cases", len(ids))
    done = ids
    if sources.preprocessed:  # a tabular comparator has no preprocessed cases
        done = [case for case in ids if case in sources.preprocessed]
        yield FlowStep("Preprocessed", len(done), _missing(ids, done, "not preprocessed"))
    out_of_fold = [result for result in sources.results if result.is_out_of_fold]
    predicted = {case.case_id for case in out_of_fold[0].cases} if out_of_fold else set()
    predicted_ids = [case for case in done if case in predicted]
    yield FlowStep(
        "Predicted out-of-fold",
        len(predicted_ids),
        _missing(done, predicted_ids, "without an out-of-fold prediction"),
    )


def _test(sources: Sources, ids: Sequence[str]) -> Iterable[FlowStep]:
    yield FlowStep("Test cases", len(ids))
    for result in sources.results:
        predicted_ids = [
            case for case in ids if case in {prediction.page for prediction in result.cases}
        ]
        if result.is_out_of_fold or not predicted_ids:
            continue
        failed = [case for case, _ in result.failed if case in ids]
        rest = [case for case in ids if case not in failed]
        unpredicted = (f"{len(failed):,} could not be predicted",) if failed else ()
        left_out = (*unpredicted, *_missing(rest, predicted_ids, "not in this folder"))
        yield FlowStep(f"Predicted, {result.title}", len(predicted_ids), left_out)


def _missing(before: Sequence[str], after: Sequence[str], why: str) -> tuple[str, ...]:
    n = len(before) - len(after)
    return (f"{n:,} {why}",) if n else ()


@dataclass(frozen=True)
class Trait:
    """A row of the table of characteristics: a name, and a cell per column."""

    name: str
    cells: tuple[str, ...]
    is_head: bool = False


def trait_columns(sources: Sources) -> dict[str, list[Case]]:
    """Cases of each split and class, those of the split first."""
    columns: dict[str, list[Case]] = {}
    for split, title in (("train", "training"), ("test", "test")):
        cases = [case for case in sources.cases.values() if case.split == split]
        if cases:
            columns[title] = cases
            for name in sources.dataset.classes:
                columns[f"{title}, {name}"] = [case for case in cases if case.label == name]
    return columns


def traits(sources: Sources) -> list[Trait]:
    """Characteristics of the cases, per column of `trait_columns`."""
    columns = list(trait_columns(sources).values())
    rows = [
        Trait("cases", tuple(f"{len(cases):,}" for cases in columns)),
        Trait(
            "patients", tuple(f"{len({case.patient_id for case in cases}):,}" for cases in columns)
        ),
    ]
    for name in shown_covariates(sources.cases.values()):
        rows += _covariate(name, columns)
    return rows


def shown_covariates(cases: Iterable[Case]) -> tuple[str, ...]:
    """Covariates that may be shown: numbers, and ones with few values, that identify nobody."""
    everyone = list(cases)
    names = dict.fromkeys(name for case in everyone for name in case.covariates)
    values = {name: _cells(name, everyone) for name in names}
    return tuple(
        name
        for name in names
        if name not in BOOKKEEPING
        and not is_identity(name, values[name])
        and (numbers(values[name]) is not None or len({*values[name], ""}) <= _MOST_VALUES + 1)
    )


def _cells(name: str, cases: Iterable[Case]) -> list[str]:
    """A covariate of each case; empty where not known, and in a column of numbers not finite."""
    cells = [known(case.covariates.get(name, "")) for case in cases]
    values = numbers(cells)
    if values is None:
        return cells
    return [cell if np.isfinite(value) else "" for cell, value in zip(cells, values, strict=True)]


def _covariate(name: str, columns: Sequence[Sequence[Case]]) -> list[Trait]:
    cells = _cells(name, [case for cases in columns for case in cases])
    everything = iter(with_points(cells) or cells)
    parts = [[next(everything) for _ in cases] for cases in columns]
    kinds = sorted({cell for part in parts for cell in part if cell})
    if numbers(kinds) is not None and len(set(map(float, kinds))) > _MOST_NUMBERS:
        return [Trait(f"{name}, median (range)", tuple(map(_range, parts)))]
    rows = [Trait(name, tuple("" for _ in columns), is_head=True)]
    rows += [Trait(kind, tuple(_share(part, kind) for part in parts)) for kind in kinds]
    if any("" in part for part in parts):
        rows.append(Trait("not known", tuple(f"{part.count(''):,}" for part in parts)))
    return rows


def _range(cells: Sequence[str]) -> str:
    values = [float(cell) for cell in cells if cell]
    if not values:
        return NOTHING
    text = f"{number(float(np.median(values)))} ({number(min(values))} to {number(max(values))})"
    missing = len(cells) - len(values)
    return f"{text}, {missing:,} not known" if missing else text


def _share(values: Sequence[str], kind: str) -> str:
    n = Counter(values)[kind]
    return f"{n:,} ({percent(n / len(values))})" if values else NOTHING


def notes_of_check(sources: Sources) -> list[tuple[str, str, str]]:
    """Findings of the integrity check: kind, number of cases, an example; no file names."""
    if sources.integrity is None:
        return []
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in sources.integrity.findings:
        groups.setdefault((finding.severity, finding.check), []).append(finding.case)
    return [
        (
            severity,
            check,
            several(len([c for c in cases if c]), "case") if any(cases) else "dataset",
        )
        for (severity, check), cases in groups.items()
    ]


def failures(results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Cases that could not be predicted: folder, case, reason (its first line)."""
    return [
        (result.name, case, why.splitlines()[0] if why else "")
        for result in results
        for case, why in result.failed
    ]
