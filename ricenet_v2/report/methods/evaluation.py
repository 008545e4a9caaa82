"""Sentences about figures, which carry the words of their own records."""

from __future__ import annotations

from collections.abc import Iterator

from ricenet_v2.records.metrics import Evaluation, Metric, SetKind
from ricenet_v2.records.sample_size import Precision, SampleSize
from ricenet_v2.report.formatting import percent, several
from ricenet_v2.report.methods.facts import Facts
from ricenet_v2.report.methods.first_weights import seen_before, untold
from ricenet_v2.report.methods.prior import set_of
from ricenet_v2.report.methods.selection import flatters
from ricenet_v2.report.methods.sentence import SentenceTopic, begun, listed, said
from ricenet_v2.report.results.metric_tables import HEADLINE, headline, interval, value
from ricenet_v2.report.results.predicted import Result

GROUP = "Evaluation"


def _evaluated(facts: Facts) -> Iterator[tuple[Result, Evaluation]]:
    for result in facts.results:
        if result.evaluation is not None:
            yield result, result.evaluation


def sets(facts: Facts) -> str:
    """What was evaluated."""
    told = [
        f"{result.title} ({several(made.n_cases, 'case')} of "
        f"{several(made.n_patients, 'patient')}: {_classes(made)})"
        for result, made in _evaluated(facts)
    ]
    if not told:
        return ""
    titles = [f"{result.title}: {made.title}" for result, made in _evaluated(facts)]
    about: dict[str, list[str]] = {}
    for result, made in _evaluated(facts):
        if made.positive_class:
            about.setdefault(made.positive_class, []).append(result.title)
    return said(
        f"Figures were computed for {listed(told)}.",
        *(
            f"AUROC and thresholds of {listed(names)} refer to {name}."
            for name, names in about.items()
            if len(facts.dataset.classes) == 2
        ),
        f"Their files name what was evaluated ({'; '.join(titles)}).",
    )


def _classes(made: Evaluation) -> str:
    """Cases of each class, by the rows of the confusion matrix."""
    rows = zip(made.classes, made.confusion, strict=True)
    return ", ".join(f"{sum(row):,} {name}" for name, row in rows)


def held_out(facts: Facts) -> str:
    """Folders of predictions of cases that no fold had; of what centre they are is not recorded."""
    told = []
    for result in facts.folders:
        everyone = {fold.number for fold in facts.folds}
        n = sum(
            not one.learned_by
            and one.truth is not None
            and not seen_before(facts, one.case_id, everyone)
            for one in result.cases
        )
        if n and result.evaluation is not None:
            told.append(
                f"{begun(result.title)} has {several(n, 'case')} with a label that "
                f"{'is not a training case' if n == 1 else 'are not training cases'} of the folds "
                "that predicted them."
            )
    return said(*told)


def metrics(facts: Facts) -> str:
    """Names of the figures of all cases, and of the curves."""
    names = dict.fromkeys(one.name for _, made in _evaluated(facts) for one in made.figures)
    curves = dict.fromkeys(
        one.name for result in facts.results if result.curves for one in result.curves.curves
    )
    told = f"Figures: {', '.join(names)}." if names else ""
    return said(told, f"Curves: {', '.join(curves)}." if curves else "")


def uncertainty(facts: Facts) -> str:
    """How intervals were made, in the words of the figures."""
    told = []
    for result, made in _evaluated(facts):
        methods: dict[str, list[str]] = {}
        for one in made.figures:
            if one.method and one.low is not None and one.high is not None:
                methods.setdefault(one.method, []).append(one.name)
        words = "; ".join(f"{listed(names)}: {method}" for method, names in methods.items())
        if words:
            told.append(f"{percent(made.level)} intervals of {result.title}: {words}.")
        without = [one.name for one in made.figures if one.value is not None and one.low is None]
        if without:
            told.append(f"No interval in {result.title}: {listed(without)}.")
    return said(*told)


def results(facts: Facts) -> str:
    """The headline figures of each set, with what flatters them."""
    told = []
    for result, made in _evaluated(facts):
        figures = "; ".join(f"{one.name} {value(one.value)}{_ends(one)}" for one in headline(made))
        told.append(f"{begun(result.title)} (n = {made.n_cases:,}): {figures}.")
        told += [flatters(facts, result), untold(facts, result)]
    return said(*told)


def _ends(one: Metric) -> str:
    return (
        f" ({interval(one)})" if one.low is not None and one.high is not None else " (no interval)"
    )


def errors(facts: Facts) -> str:
    """How many calls differ from the truth, as far as it is known."""
    told = []
    for result in facts.results:
        known = [one for one in result.cases if one.is_right is not None]
        if known:
            wrong = sum(one.is_right is False for one in known)
            told.append(
                f"{wrong:,} of {several(len(known), 'case')} of {set_of(result)} "
                f"{'was' if wrong == 1 else 'were'} misclassified; the table of cases marks "
                f"{'it' if wrong == 1 else 'them'}."
            )
    return said(*told)


def subgroups(facts: Facts) -> str:
    """Subgroups that are large enough for their figures to say something."""
    return _parts(facts, "subgroup", "Figures of subgroups")


def clusters(facts: Facts) -> str:
    """Figures by fold."""
    return _parts(facts, "fold", "Figures by fold")


def centres(facts: Facts) -> str:
    """How figures differ between the groups that the folds held out, such as centres."""
    found = facts.centres
    if found is None:
        return ""
    names = [one.name for one in found.centres]
    ranges = [
        f"{one.figure} {one.lowest:.3f} ({one.lowest_in}) to {one.highest:.3f} ({one.highest_in}) "
        f"over {one.n} of {len(names)}"
        for one in found.spreads
        if one.n > 1
    ]
    return said(
        f"Each fold held out one {found.column} of cases.csv ({listed(names)}).",
        f"Lowest and highest figures: {'; '.join(ranges)}." if ranges else "",
        *(one.words(found.column, found.level) for one in found.heterogeneity),
    )


def seed_variance(facts: Facts) -> str:
    """What several trainings tell that differ in their seed alone."""
    found = facts.seeds
    if found is None:
        return ""
    by_name = {one.name: one for one in found.figures}
    told = [
        f"{name} {value(one.mean)}, SD {value(one.sd)}"
        for name in HEADLINE
        if (one := by_name.get(name)) is not None and one.mean is not None
    ]
    seeds = listed(map(str, found.seeds))
    return said(
        f"The model was trained with the seeds {seeds}; out-of-fold means over these trainings: "
        f"{'; '.join(told)}.",
        found.words_of_calls,
        found.meaning,
    )


def explanation(facts: Facts) -> str:
    """Maps that ricenet_explain made."""
    if not facts.explanations:
        return ""
    return f"What the networks looked at is shown in: {listed(facts.explanations)}."


def _parts(facts: Facts, kind: SetKind, title: str) -> str:
    told = []
    for result, made in _evaluated(facts):
        names = [one.name for one in made.groups if one.kind == kind and not one.warning]
        if names:
            told.append(f"{title} of {result.title}: {', '.join(names)}.")
    return said(*told)


def tests(facts: Facts) -> str:
    """Paired tests of runs, in the words of the comparison."""
    told = []
    for name, found in facts.comparisons.items():
        names = dict.fromkeys(pair.test for pair in found.pairs)
        told.append(
            f"{name} compares {listed(found.runs)} on {several(found.n_cases, 'case')} that all of "
            f"them predicted ({'; '.join(names)})."
        )
        if found.left_out:
            n = len(found.left_out)
            told.append(f"{several(n, 'case')} of {name} {'was' if n == 1 else 'were'} left out.")
    return said(*told)


def explained(facts: Facts) -> str:
    """Sections of other commands."""
    return f"Sections of other commands: {listed(facts.sections)}." if facts.sections else ""


def sample_size(facts: Facts) -> str:
    """Figures of an evaluation about the number of cases that were needed, where it has some."""
    told = []
    for result, made in _evaluated(facts):
        told += [_precision(result, one) for one in made.sample_sizes]
    return said(*told)


def _precision(result: Result, found: SampleSize) -> str:
    """What so many patients allow, of one class (Riley et al. 2019, 2021)."""
    criteria = "; ".join(map(_criterion, found.precision))
    told = (
        f"{begun(result.title)}, {found.class_name}: {several(found.n_patients, 'patient')}, "
        f"{found.n_of_class:,} of the class ({percent(found.prevalence)} of the cases). "
        f"By Riley's criteria for evaluation, {criteria}."
    )
    grown = found.development
    if grown is None:
        return told
    parameters = (
        f"a logistic regression could have {grown.most_parameters:.1f} parameters"
        if grown.most_parameters >= 1
        else "there are too few patients for a logistic regression of one parameter"
    )
    return (
        f"{told} By those for development, the share of the class is known to within "
        f"{grown.overall_risk_margin:.2f} (a margin of 0.05 takes "
        f"{several(grown.n_for_overall_risk, 'patient')}), and {parameters}; for a network there "
        "is no such number."
    )


def _criterion(one: Precision) -> str:
    ends = (
        "no informative interval"
        if one.says_nothing
        else f"an interval of {one.low:.2f} to {one.high:.2f}"
    )
    return (
        f"{one.figure} {one.assumed:.2f} would have {ends}, and "
        f"{several(one.n_needed, 'patient')} give a width of {one.target_width:.2f}"
    )


SUBJECTS = (
    SentenceTopic("sets", "sets of cases", GROUP, sets),
    SentenceTopic("metrics", "figures", GROUP, metrics),
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
