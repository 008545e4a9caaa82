"""Main result of a report, in a sentence for each set of predictions."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.records.metrics import Evaluation, Metric
from ricenet_v2.reporting.formatting import percent, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.selection import optimism
from ricenet_v2.reporting.methods.sentence import paragraph
from ricenet_v2.reporting.results.metric_tables import value
from ricenet_v2.reporting.results.predicted import Result

OUT_OF_FOLD = "Out-of-fold"
_CHANCE = 0.5
_AREA = "AUROC"


def answer(facts: Facts, results: Sequence[Result]) -> list[str]:
    """Whether predictions are better than chance, for each evaluated set.

    Args:
        facts: Facts of the report.
        results: Sets of predictions; those without metrics are left out.
    """
    return [
        paragraph(sentence, "It is optimistic: see below." if optimism(facts, result) else "")
        for result in results
        if result.evaluation and (sentence := answer_of(result.evaluation, _where(result)))
    ]


def _where(result: Result) -> str:
    return OUT_OF_FOLD if result.is_out_of_fold else f"Predictions in {result.title}"


def is_better_than_chance(evaluation: Evaluation) -> bool:
    """Whether the interval of AUROC lies above 0.5."""
    area = _area(evaluation)
    return area is not None and area.low is not None and area.low > _CHANCE


def answer_of(evaluation: Evaluation, where: str) -> str:
    """Whether predictions are better than chance, in words; empty where AUROC is not defined.

    Args:
        evaluation: Their metrics.
        where: Description of the evaluated predictions, in words.
    """
    area = _area(evaluation)
    if area is None or area.value is None:
        return ""
    classes, positive = evaluation.classes, evaluation.positive_class
    what = f"mean of {len(classes)} classes, each against the rest"
    if len(classes) == 2 and positive in classes:
        what = f"{positive} against {classes[1 - classes.index(positive)]}"
    within = ""
    if area.low is not None and area.high is not None:
        level = percent(evaluation.level)
        within = f"{level} interval {value(area.low)} to {value(area.high)}, "
    size = several(area.n, "case")
    number = f"AUROC {value(area.value)} ({within}{size}), {what}"
    return f"{where}: {number}. {_judged(area)}"


def _area(evaluation: Evaluation) -> Metric | None:
    return next((metric for metric in evaluation.metrics if metric.name == _AREA), None)


def _judged(area: Metric) -> str:
    if area.low is None or area.high is None:
        return "Without an interval it is unknown whether that is better than chance, 0.5."
    if area.low > _CHANCE:
        return "That is better than chance, 0.5."
    if area.high < _CHANCE:
        return "That is worse than chance, 0.5: check whether labels or classes are exchanged."
    return "Whether that is better than chance is open: the interval includes 0.5."
