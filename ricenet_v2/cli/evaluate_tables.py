"""Output of ricenet_evaluate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ricenet_v2.cli import common
from ricenet_v2.core.decimals import decimals, ends

if TYPE_CHECKING:
    from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup
    from ricenet_v2.records.sample_size import Development, SampleSize
    from ricenet_v2.records.sanity import Sanity

_OF_A_PART = ("accuracy", "macro F1", "AUROC", "Brier score")
_SUMMARY = ("accuracy", "macro F1", "AUROC", "AUROC within folds", "balanced accuracy")
_NO_CRITERION = (
    "For a network, whose parameters do not count like those of a regression, there is no such "
    "criterion."
)
_ELSEWHERE = re.compile(r"(positive|negative) predictive value at prevalence (\S+) of (.+)")


def number(value: float | None) -> str:
    """Three digits after the point, or a dash."""
    return "-" if value is None else decimals(value)


def interval(metric: Metric) -> str:
    """Both ends, or a dash."""
    return ends(metric.low, metric.high, "-")


def _metrics(evaluation: Evaluation, metrics: Sequence[Metric]) -> None:
    """Print metrics, one a row."""
    title = f"{evaluation.title} ({evaluation.n_cases} cases of {evaluation.n_patients} patients)"
    common.table(
        title,
        ("metric", "value", f"{evaluation.level:.0%} interval", "n", "method"),
        [
            (
                metric.name,
                number(metric.value),
                interval(metric),
                metric.n,
                "; ".join(filter(None, (metric.method, metric.package, metric.warning))),
            )
            for metric in metrics
        ],
    )


def _first(evaluation: Evaluation) -> list[Metric]:
    """The metrics of the summary, in its order."""
    by_name = {metric.name: metric for metric in evaluation.metrics}
    further = [metric for metric in evaluation.metrics if metric.package]
    return [*(by_name[name] for name in _SUMMARY if name in by_name), *further]


def show(evaluation: Evaluation, *, all_metrics: bool = False) -> None:
    """Print an evaluation.

    Args:
        evaluation: Its metrics are printed.
        all_metrics: Every metric, thresholds and parts of the cases too, not only the first ones.
    """
    _metrics(evaluation, evaluation.metrics if all_metrics else _first(evaluation))
    if evaluation.selection:
        print(evaluation.selection)
    common.table(
        "Confusion matrix" + (" of the first repeat" if evaluation.repeats > 1 else ""),
        ("true class", *(f"predicted {name}" for name in evaluation.classes)),
        [(name, *row) for name, row in zip(evaluation.classes, evaluation.confusion, strict=True)],
    )
    _elsewhere(evaluation)
    _sample_sizes(evaluation)
    if all_metrics:
        _thresholds(evaluation)
        _groups(evaluation.groups)
        if evaluation.cuts:
            print("; ".join(cut.description for cut in evaluation.cuts) + ".")
    else:
        print(_more(evaluation))
    if evaluation.missing:
        print(
            f"{len(evaluation.missing)} cases were not predicted: {', '.join(evaluation.missing)}"
        )
    if evaluation.unlabelled:
        cases = ", ".join(evaluation.unlabelled)
        print(f"{len(evaluation.unlabelled)} cases have no known label and are excluded: {cases}")
    print(evaluation.note)


def _elsewhere(evaluation: Evaluation) -> None:
    """Predictive values at requested prevalences, two metrics a row."""
    rules = [("as predicted", evaluation.metrics)]
    rules += [
        (f"{each.name}, from {number(each.value)}", each.metrics) for each in evaluation.thresholds
    ]
    rows: dict[tuple[str, str, str], list[str]] = {}
    for how, metrics in rules:
        for metric in metrics:
            match = _ELSEWHERE.fullmatch(metric.name)
            if match is not None:
                cell = f"{number(metric.value)} ({interval(metric)})"
                rows.setdefault((match[3], match[2], how), []).append(cell)
    if rows:
        common.table(
            "Predictive values at another prevalence (sensitivity and specificity as here)",
            ("class", "prevalence", "rule", "positive", "negative"),
            [(*key, *cells) for key, cells in rows.items()],
        )


def _sample_sizes(evaluation: Evaluation) -> None:
    """Print the expected precision, and the number of patients for a target precision."""
    if not evaluation.sample_sizes:
        return
    many = len(evaluation.sample_sizes) > 1
    counts = ", ".join(
        f"{size.n_of_class} with {size.class_name}" for size in evaluation.sample_sizes
    )
    common.table(
        f"What {evaluation.sample_sizes[0].n_patients} patients allow, {counts} (Riley 2021)",
        (
            "metric",
            "supposed",
            f"{evaluation.level:.0%} interval",
            "patients for an interval of width",
        ),
        [
            (
                f"{row.metric} of {size.class_name}" if many else row.metric,
                number(row.assumed),
                "too few patients"
                if row.says_nothing
                else f"{number(row.low)} to {number(row.high)}",
                f"{row.target_width:g}: {row.n_needed:,}",
            )
            for size in evaluation.sample_sizes
            for row in size.precision
        ],
    )
    developments = [
        _development(size.development, size)
        for size in evaluation.sample_sizes
        if size.development is not None
    ]
    if developments:
        print(*developments, _NO_CRITERION, sep="\n")


def _development(development: Development, of: SampleSize) -> str:
    shrinks = (
        f"a logistic regression of up to {development.most_parameters:.1f} parameters would "
        "shrink by 10 % at most"
        if development.most_parameters >= 1
        else "even a logistic regression of one parameter would shrink by more than 10 %"
    )
    return (
        f"Development: the share {of.prevalence:.2f} of {of.class_name} is known within "
        f"{development.overall_risk_margin:.3f} (0.05 takes "
        f"{development.n_for_overall_risk:,} patients); {shrinks} (Riley 2019, "
        f"R-squared {development.r_squared:.2f})."
    )


def _more(evaluation: Evaluation) -> str:
    """Print where the other metrics are."""
    counted = {
        f"{len(evaluation.metrics)} metrics": True,
        f"{len(evaluation.thresholds)} thresholds": evaluation.thresholds,
        f"{len(evaluation.groups)} parts of the cases": evaluation.groups,
    }
    contents = ", ".join(text for text, exists in counted.items() if exists)
    return f"--all_metrics prints all of them ({contents}); metrics.json and metrics.csv hold them."


def _thresholds(evaluation: Evaluation) -> None:
    if not evaluation.thresholds:
        return
    common.table(
        "Thresholds"
        + (
            " (chosen on these cases: metrics are optimistic)"
            if evaluation.source == "out-of-fold"
            else ""
        ),
        ("class", "threshold", "from", "sensitivity", "specificity", "chosen on"),
        [
            (
                each.class_name,
                each.name,
                number(each.value),
                *(f"{number(f.value)} ({interval(f)})" for f in each.metrics[:2]),
                *(["-", "-"] if not each.metrics else []),
                each.chosen_on,
            )
            for each in evaluation.thresholds
        ],
    )


def _groups(groups: Sequence[MetricGroup]) -> None:
    if not groups:
        return
    common.table(
        "Parts of the cases, and members",
        ("cases", "n", "patients", *_OF_A_PART),
        [
            (
                group.name + (" (!)" if group.warning else ""),
                group.n_cases,
                group.n_patients,
                *(
                    f"{number(metric.value)} ({interval(metric)})"
                    for name in _OF_A_PART
                    for metric in group.metrics
                    if metric.name == name
                ),
            )
            for group in groups
        ],
    )
    if any(group.warning for group in groups):
        print("(!) fewer than 10 cases: these metrics are hardly informative.")


def show_sanity(sanity: Sanity, remark: str = "") -> None:
    """Print the checks, and what was kept of an earlier evaluation."""
    if sanity.checks:
        common.table(
            "Too good to be true?",
            ("check", "outcome", "found"),
            [(check.name, check.outcome, check.found) for check in sanity.checks],
        )
    if remark:
        print(f"{remark}.")
