"""The checklists, filled in as far as what was written answers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ricenet_v2.records.run import Run
from ricenet_v2.report.results.checklist_items import (
    CLAIM,
    CLAIM_ITEMS,
    TRIPOD,
    TRIPOD_ITEMS,
)
from ricenet_v2.report.results.cohort import shown_covariates
from ricenet_v2.report.results.figures import headline, interval, value
from ricenet_v2.report.results.sources import Sources
from ricenet_v2.report.words import RESEARCH_ONLY, number, several, times

AUTHORS = "for the authors"
COLUMNS = ("checklist", "item", "topic", "where", "value")


@dataclass(frozen=True)
class Answer:
    """One item: where in this report the answer stands, and the answer in short."""

    checklist: str
    item: str
    topic: str
    where: str
    value: str

    @property
    def is_filled(self) -> bool:
        """Whether the program knew an answer."""
        return self.where != AUTHORS


def answers(sources: Sources) -> list[Answer]:
    """Every item of both checklists, in their order."""
    facts = {key: (where, words) for key, where, words in _facts(sources) if words}
    lists = ((CLAIM, CLAIM_ITEMS), (TRIPOD, TRIPOD_ITEMS))
    return [
        Answer(name, item, topic, *facts.get(key, (AUTHORS, "")))
        for name, items in lists
        for item, topic, key in items
    ]


Fact = Callable[[Sources], str]


def _facts(sources: Sources) -> list[tuple[str, str, str]]:
    """Key, section of the report, words; empty words where nothing is known."""
    return [(key, where, fact(sources)) for key, (where, fact) in _FACTS.items()]


def _kind(sources: Sources) -> str:
    if sources.plan is None:
        return ""
    names = {"residual_encoder": "3D residual encoder", "resnet18": "3D ResNet-18"}
    return f"deep learning: {names[sources.plan.network.architecture]}"


def _source(sources: Sources) -> str:
    told = (sources.dataset.description, sources.dataset.reference)
    return " ".join(text for text in told if text)


def _flow(sources: Sources) -> str:
    splits: Counter[str] = Counter(case.split for case in sources.cases.values())
    words = {"train": "training", "test": "test"}
    return ", ".join(several(splits[key], f"{word} case") for key, word in words.items() if splits)


def _preprocessing(sources: Sources) -> str:
    if sources.plan is None:
        return ""
    channels = "; ".join(
        f"{one.name}: {one.interpolation} resampling, {one.normalisation.scheme}"
        for one in sources.plan.channels
    )
    return f"resampled to {times(sources.plan.spacing)} mm (z, y, x); {channels}"


def _region(sources: Sources) -> str:
    regions = Counter(record.region for record in sources.preprocessed.values())
    return ", ".join(f"{several(n, 'case')} cropped to: {region}" for region, n in regions.items())


def _missing(sources: Sources) -> str:
    failed = sum(len(result.failed) for result in sources.results)
    return (
        "every channel of a case is needed; cases without one are refused and listed; "
        f"{several(failed, 'case')} could not be predicted"
    )


def _channels(sources: Sources) -> str:
    return ", ".join(f"{one.name} ({one.kind})" for one in sources.dataset.channels)


def _partitions(sources: Sources) -> str:
    if sources.splits is None:
        return ""
    return (
        f"{len(sources.splits.folds)} folds stratified by class, seed {sources.splits.seed}; "
        "test cases are those of split test in cases.csv"
    )


def _disjoint(sources: Sources) -> str:
    return "patients" if sources.splits is not None else ""


def _network(sources: Sources) -> str:
    if sources.plan is None:
        return ""
    plan, splits = sources.plan, sources.splits
    n_folds = len(sources.folds if splits is None else splits.folds)
    return (
        f"{_kind(sources)}, {len(plan.network.features)} stages of {list(plan.network.features)} "
        f"features, {plan.memory.n_parameters:,} weights, input {times(plan.input_size)} voxels; "
        f"{n_folds}-fold cross-validation"
    )


def _runs(sources: Sources) -> list[Run]:
    return [fold.run for fold in sources.folds]


def _weights(sources: Sources) -> str:
    names = {run.pretrained.file if run.pretrained else "random" for run in _runs(sources)}
    return ", ".join(sorted(names))


def _software(sources: Sources) -> str:
    found = {f"{k} {v}" for run in _runs(sources) for k, v in run.versions.items()}
    return ", ".join(["ricenet_v2", *sorted(found)]) if found else ""


def _training(sources: Sources) -> str:
    if sources.plan is None or not sources.folds:
        return ""
    how = sources.plan.training
    return (
        f"{several(len(sources.folds), 'fold')} of {sources.folds[0].run.epochs:,} epochs, batch "
        f"{how.batch_size}, learning rate {how.learning_rate:g}, balance by {how.balance}"
    )


def _imbalance(sources: Sources) -> str:
    return "" if sources.plan is None else f"balance={sources.plan.training.balance}"


def _selection(sources: Sources) -> str:
    return "the weights after the last epoch, chosen beforehand" if sources.folds else ""


def _ensemble(sources: Sources) -> str:
    return "; ".join(one.combined for one in sources.results if one.combined)


def _metrics(sources: Sources) -> str:
    names = [f.name for r in sources.results if r.evaluation for f in r.evaluation.figures]
    return ", ".join(dict.fromkeys(names))


def _uncertainty(sources: Sources) -> str:
    found = [f.method for r in sources.results if r.evaluation for f in r.evaluation.figures]
    return "; ".join(dict.fromkeys(method for method in found if method))


def _subgroups(sources: Sources) -> str:
    """Those that are large enough for their figures to say something."""
    names = [
        group.name
        for result in sources.results
        if result.evaluation
        for group in result.evaluation.groups
        if group.kind == "subgroup" and not group.warning
    ]
    return ", ".join(dict.fromkeys(names))


def _explanation(sources: Sources) -> str:
    return ", ".join(part.content.title for part in sources.parts)


def _results(sources: Sources) -> str:
    told = []
    for result in sources.results:
        if result.evaluation is not None:
            figures = "; ".join(
                f"{one.name} {value(one.value)} ({interval(one)})"
                for one in headline(result.evaluation)
            )
            told.append(f"{result.name} (n = {result.evaluation.n_cases}): {figures}")
    return ". ".join(told)


def _internal(sources: Sources) -> str:
    return ", ".join(result.name for result in sources.results if result.evaluation)


def _characteristics(sources: Sources) -> str:
    return ", ".join(shown_covariates(sources.cases.values()))


def _errors(sources: Sources) -> str:
    return "; ".join(
        f"{result.name}: {sum(case.is_right is False for case in result.cases):,} of "
        f"{sum(case.is_right is not None for case in result.cases):,} differ from the truth"
        for result in sources.results
    )


def _output(sources: Sources) -> str:
    thresholds = [
        f"{one.name} {value(one.value)} chosen on {one.chosen_on}"
        for result in sources.results
        if result.evaluation
        for one in result.evaluation.thresholds
    ]
    return "; ".join(["probability of each class", *dict.fromkeys(thresholds)])


def _size(sources: Sources) -> str:
    labels = Counter((case.split, case.label) for case in sources.cases.values())
    return ", ".join(f"{split} {label}: {n:,}" for (split, label), n in sorted(labels.items()))


def _treatment(sources: Sources) -> str:
    doses = list(sources.plan.dose_range.items()) if sources.plan else []
    return "; ".join(
        f"{name}: maxima {number(low)} to {number(high)} Gy" for name, (low, high) in doses
    )


def _calibration(sources: Sources) -> str:
    found = sources.calibration
    return "" if found is None else f"{found.words}, {found.method}"


def _availability(sources: Sources) -> str:
    return f"licence of the data: {sources.dataset.licence}" if sources.dataset.licence else ""


_FACTS: dict[str, tuple[str, Fact]] = {
    "kind": ("Plan", _kind),
    "source": ("Cohort", _source),
    "flow": ("Cohort", _flow),
    "preprocessing": ("Plan", _preprocessing),
    "region": ("Cohort", _region),
    "missing": ("Cohort", _missing),
    "channels": ("Plan", _channels),
    "partitions": ("Cohort", _partitions),
    "disjoint": ("Cohort", _disjoint),
    "network": ("Plan", _network),
    "software": ("How it was made", _software),
    "weights": ("Training", _weights),
    "training": ("Training", _training),
    "imbalance": ("Plan", _imbalance),
    "selection": ("Training", _selection),
    "ensemble": ("Figures", _ensemble),
    "metrics": ("Figures", _metrics),
    "uncertainty": ("Figures", _uncertainty),
    "subgroups": ("Figures", _subgroups),
    "explanation": ("Sections of other commands", _explanation),
    "internal": ("Figures", _internal),
    "characteristics": ("Cohort", _characteristics),
    "results": ("Figures", _results),
    "errors": ("Cases", _errors),
    "output": ("Figures", _output),
    "size": ("Cohort", _size),
    "outcome": ("Cohort", lambda sources: ", ".join(sources.dataset.classes)),
    "treatment": ("Plan", _treatment),
    "calibration": ("Figures", _calibration),
    "use": ("Every page", lambda _sources: RESEARCH_ONLY),
    "details": ("plan.html", lambda sources: sources.plan.name if sources.plan else ""),
    "availability": ("Cohort", _availability),
}
