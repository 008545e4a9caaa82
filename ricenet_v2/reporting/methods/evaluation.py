"""Sentences about metrics, some in the words of the records themselves."""

from __future__ import annotations

from collections.abc import Iterator

from ricenet_v2.records.metrics import Evaluation, Metric, SetKind
from ricenet_v2.records.sample_size import Precision, SampleSize
from ricenet_v2.reporting.formatting import percent, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.first_weights import seen_before, unverified
from ricenet_v2.reporting.methods.prior import set_of
from ricenet_v2.reporting.methods.selection import optimism
from ricenet_v2.reporting.methods.sentence import SentenceTopic, capitalised, listed, paragraph
from ricenet_v2.reporting.results.metric_tables import HEADLINE, headline, interval, value
from ricenet_v2.reporting.results.predicted import Result

GROUP = "Evaluation"


def _evaluated(facts: Facts) -> Iterator[tuple[Result, Evaluation]]:
    for result in facts.results:
        if result.evaluation is not None:
            yield result, result.evaluation


def sets(facts: Facts) -> str:
    """Evaluated sets of predictions."""
    descriptions = [
        f"{result.title} ({several(evaluation.n_cases, 'case')} of "
        f"{several(evaluation.n_patients, 'patient')}: {_classes(evaluation)})"
        for result, evaluation in _evaluated(facts)
    ]
    if not descriptions:
        return ""
    titles = [f"{result.title}: {evaluation.title}" for result, evaluation in _evaluated(facts)]
    about: dict[str, list[str]] = {}
    for result, evaluation in _evaluated(facts):
        if evaluation.positive_class:
            about.setdefault(evaluation.positive_class, []).append(result.title)
    return paragraph(
        f"Metrics were computed for {listed(descriptions)}.",
        *(
            f"Those of {result.title} are means over {evaluation.repeats} divisions of all cases "
            "into folds; the confusion matrix, curves and thresholds are of the first division."
            for result, evaluation in _evaluated(facts)
            if evaluation.repeats > 1
        ),
        *(
            f"AUROC and thresholds of {listed(names)} refer to {name}."
            for name, names in about.items()
            if len(facts.dataset.classes) == 2
        ),
        f"Their files name what was evaluated ({'; '.join(titles)}).",
    )


def _classes(evaluation: Evaluation) -> str:
    """Cases of each class, by the rows of the confusion matrix."""
    rows = zip(evaluation.classes, evaluation.confusion, strict=True)
    return ", ".join(f"{sum(row):,} {name}" for name, row in rows)


def held_out(facts: Facts) -> str:
    """Counts of predicted cases that no fold was trained on; their centre is not recorded."""
    sentences = []
    for result in facts.folders:
        everyone = {fold.number for fold in facts.folds}
        n = sum(
            not case.learned_by
            and case.truth is not None
            and not seen_before(facts, case.case_id, everyone)
            for case in result.cases
        )
        if n and result.evaluation is not None:
            sentences.append(
                f"{capitalised(result.title)} has {several(n, 'case')} with a label that "
                f"{'is not a training case' if n == 1 else 'are not training cases'} of the folds "
                "that predicted them."
            )
    return paragraph(*sentences)


def metrics(facts: Facts) -> str:
    """Names of the metrics of all cases, and of the curves."""
    names = dict.fromkeys(
        metric.name for _, evaluation in _evaluated(facts) for metric in evaluation.metrics
    )
    curves = dict.fromkeys(
        curve.name for result in facts.results if result.curves for curve in result.curves.curves
    )
    sentence = f"Metrics: {', '.join(names)}." if names else ""
    return paragraph(sentence, f"Curves: {', '.join(curves)}." if curves else "")


def uncertainty(facts: Facts) -> str:
    """Methods of the intervals, in the words of the metrics."""
    sentences = []
    for result, evaluation in _evaluated(facts):
        methods: dict[str, list[str]] = {}
        for metric in evaluation.metrics:
            if metric.method and metric.low is not None and metric.high is not None:
                methods.setdefault(metric.method, []).append(metric.name)
        descriptions = "; ".join(f"{listed(names)}: {method}" for method, names in methods.items())
        if descriptions:
            sentences.append(
                f"{percent(evaluation.level)} intervals of {result.title}: {descriptions}."
            )
        without = [
            metric.name
            for metric in evaluation.metrics
            if metric.value is not None and metric.low is None
        ]
        if without:
            sentences.append(f"No interval in {result.title}: {listed(without)}.")
    return paragraph(*sentences)


def results(facts: Facts) -> str:
    """The headline metrics of each set, with what makes them optimistic."""
    sentences = []
    for result, evaluation in _evaluated(facts):
        metrics = "; ".join(
            f"{metric.name} {value(metric.value)}{_ends(metric)}" for metric in headline(evaluation)
        )
        sentences.append(f"{capitalised(result.title)} (n = {evaluation.n_cases:,}): {metrics}.")
        sentences += [optimism(facts, result), unverified(facts, result)]
    return paragraph(*sentences)


def _ends(metric: Metric) -> str:
    return (
        f" ({interval(metric)})"
        if metric.low is not None and metric.high is not None
        else " (no interval)"
    )


def errors(facts: Facts) -> str:
    """Numbers of predictions that differ from the truth, as far as it is known."""
    sentences = []
    for result in facts.results:
        known = [case for case in result.cases if case.is_right is not None]
        if known:
            wrong = sum(case.is_right is False for case in known)
            sentences.append(
                f"{wrong:,} of {several(len(known), 'case')} of {set_of(result)} "
                f"{'was' if wrong == 1 else 'were'} misclassified; the table of cases marks "
                f"{'it' if wrong == 1 else 'them'}."
            )
    return paragraph(*sentences)


def subgroups(facts: Facts) -> str:
    """Subgroups that are large enough for their metrics to be informative."""
    return paragraph(
        _parts(facts, "subgroup", "Metrics of subgroups"),
        *(_cuts(result.title, evaluation) for result, evaluation in _evaluated(facts)),
    )


def _cuts(title: str, evaluation: Evaluation) -> str:
    """Cuts of the covariates of the named subgroups."""
    names = [group.name for group in evaluation.groups if not group.warning]
    cuts = [
        cut.description
        for cut in evaluation.cuts
        if any(name.startswith(f"{cut.covariate} ") for name in names)
    ]
    return f"In {title}, {'; '.join(cuts)}." if cuts else ""


def clusters(facts: Facts) -> str:
    """Metrics by fold."""
    return _parts(facts, "fold", "Metrics by fold")


def centres(facts: Facts) -> str:
    """Differences of metrics between the groups that the folds held out, such as centres."""
    record = facts.centres
    if record is None:
        return ""
    names = [centre.name for centre in record.centres]
    ranges = [
        f"{spread.metric} {spread.lowest:.3f} ({spread.lowest_in}) to {spread.highest:.3f} "
        f"({spread.highest_in}) over {spread.n} of {len(names)}"
        for spread in record.spreads
        if spread.n > 1
    ]
    return paragraph(
        f"Each fold held out one {record.column} of cases.csv ({listed(names)}).",
        f"Lowest and highest metrics: {'; '.join(ranges)}." if ranges else "",
        *(
            heterogeneity.description(record.column, record.level)
            for heterogeneity in record.heterogeneity
        ),
    )


def seed_variance(facts: Facts) -> str:
    """Variation of trainings that differ only in their seed."""
    variance = facts.seeds
    if variance is None:
        return ""
    by_name = {metric.name: metric for metric in variance.metrics}
    means = [
        f"{name} {value(metric.mean)}, SD {value(metric.sd)}"
        for name in HEADLINE
        if (metric := by_name.get(name)) is not None and metric.mean is not None
    ]
    seeds = listed(map(str, variance.seeds))
    return paragraph(
        f"The model was trained with the seeds {seeds}; out-of-fold means over these trainings: "
        f"{'; '.join(means)}.",
        variance.agreement_text,
        variance.meaning,
    )


def explanation(facts: Facts) -> str:
    """Maps that ricenet_explain made."""
    if not facts.explanations:
        return ""
    return f"Attribution maps of the networks are shown in: {listed(facts.explanations)}."


def _parts(facts: Facts, kind: SetKind, title: str) -> str:
    sentences = []
    for result, evaluation in _evaluated(facts):
        names = [
            group.name for group in evaluation.groups if group.kind == kind and not group.warning
        ]
        if names:
            sentences.append(f"{title} of {result.title}: {', '.join(names)}.")
    return paragraph(*sentences)


def tests(facts: Facts) -> str:
    """Paired tests of runs, in the words of the comparison."""
    sentences = []
    for name, comparison in facts.comparisons.items():
        names = dict.fromkeys(pair.test for pair in comparison.pairs)
        sentences.append(
            f"{name} compares {listed(comparison.runs)} on "
            f"{several(comparison.n_cases, 'case')} that all of them predicted "
            f"({'; '.join(names)})."
        )
        if comparison.left_out:
            n = len(comparison.left_out)
            sentences.append(
                f"{several(n, 'case')} of {name} {'was' if n == 1 else 'were'} left out."
            )
    return paragraph(*sentences)


def explained(facts: Facts) -> str:
    """Sections of other commands."""
    return f"Sections of other commands: {listed(facts.sections)}." if facts.sections else ""


def sample_size(facts: Facts) -> str:
    """Precision that the sample size of each evaluated set allows, if it was computed."""
    sentences = []
    for result, evaluation in _evaluated(facts):
        sentences += [_precision(result, size) for size in evaluation.sample_sizes]
    return paragraph(*sentences)


def _precision(result: Result, size: SampleSize) -> str:
    """Precision for one class with this number of patients (Riley et al. 2019, 2021)."""
    criteria = "; ".join(map(_criterion, size.precision))
    text = (
        f"{capitalised(result.title)}, {size.class_name}: {several(size.n_patients, 'patient')}, "
        f"{size.n_of_class:,} of the class ({percent(size.prevalence)} of the cases). "
        f"By Riley's criteria for evaluation, {criteria}."
    )
    grown = size.development
    if grown is None:
        return text
    parameters = (
        f"a logistic regression could have {grown.most_parameters:.1f} parameters"
        if grown.most_parameters >= 1
        else "there are too few patients for a logistic regression of one parameter"
    )
    return (
        f"{text} By those for development, the share of the class is known to within "
        f"{grown.overall_risk_margin:.2f} (a margin of 0.05 takes "
        f"{several(grown.n_for_overall_risk, 'patient')}), and {parameters}; for a network there "
        "is no such number."
    )


def _criterion(precision: Precision) -> str:
    ends = (
        "no informative interval"
        if precision.says_nothing
        else f"an interval of {precision.low:.2f} to {precision.high:.2f}"
    )
    return (
        f"{precision.metric} {precision.assumed:.2f} would have {ends}, and "
        f"{several(precision.n_needed, 'patient')} give a width of {precision.target_width:.2f}"
    )


SUBJECTS = (
    SentenceTopic("sets", "sets of cases", GROUP, sets),
    SentenceTopic("metrics", "metrics", GROUP, metrics),
    SentenceTopic("uncertainty", "intervals", GROUP, uncertainty),
    SentenceTopic("results", "results", GROUP, results),
    SentenceTopic("errors", "misclassified cases", GROUP, errors),
    SentenceTopic("held_out", "cases held out", GROUP, held_out),
    SentenceTopic("subgroups", "subgroups", GROUP, subgroups),
    SentenceTopic("clusters", "by fold", GROUP, clusters),
    SentenceTopic("centres", "by group", GROUP, centres),
    SentenceTopic("seed_variance", "training seeds", GROUP, seed_variance),
    SentenceTopic("explanation", "explanation", GROUP, explanation),
    SentenceTopic("tests", "comparisons", GROUP, tests),
    SentenceTopic("explained", "further sections", GROUP, explained),
    SentenceTopic("sample_size", "sample size", GROUP, sample_size),
)
