"""Metrics with their counts and intervals."""

from __future__ import annotations

import operator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ricenet_v2.core import html
from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename
from ricenet_v2.records.sample_size import SampleSize
from ricenet_v2.records.splits import Repeats

Source = Literal["out-of-fold", "test"]
SetKind = Literal["fold", "member", "subgroup", "repeat"]
CutOrigin = Literal["as named", "median of the out-of-fold cases", "median of these cases"]


def _from_1(fields: Fields) -> Fields:
    """Schema 1 had neither the positive class nor the source, which follows from the title."""
    source = "out-of-fold" if "out-of-fold" in str(fields.get("title", "")) else "test"
    return {**fields, "source": source}


def _from_2(fields: Fields) -> Fields:
    """Metrics were called figures."""
    fields = rename(fields, "figures", "metrics", "", "groups", "thresholds")
    return rename(fields, "figure", "metric", "sample_sizes.precision")


@record
class Metric:
    """One metric.

    Attributes:
        name: E.g. `macro F1` or `sensitivity of recurrence`.
        value: Value of the metric; None if it is not defined (e.g. AUROC with one class).
        low: Lower end of the interval; None where there is none.
        high: Upper end of the interval.
        n: Cases that it rests on.
        method: Method of the interval, with the seed if one was used.
        warning: Warning in words, if the metric rests on too few cases; else empty.
        debiased: Estimate without what chance alone adds to it, if there is no interval for that
            reason.
        calibrated: Ends of the band that the metric of calibrated probabilities lies in.
        package: Package that brings it, with its version; empty, and not written, of the metrics of
            this program.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    warning: str = ""
    debiased: float | None = None
    calibrated: tuple[float, float] | None = None
    package: Annotated[str, Field(exclude_if=operator.not_)] = ""


@record
class MetricGroup:
    """Metrics of a part of the cases, or of one member of an ensemble.

    Attributes:
        name: E.g. `fold 0`, `member of fold 0`, `site = A`, `repeat 0`.
        kind: Kind of the set.
        n_cases: Cases.
        n_patients: Patients.
        confusion: Rows are truths.
        metrics: Metrics with intervals.
        warning: Warning in words, if the set is too small for informative metrics.
    """

    name: str
    kind: SetKind
    n_cases: int
    n_patients: int
    confusion: tuple[tuple[int, ...], ...]
    metrics: tuple[Metric, ...]
    warning: str = ""

    figures = FormerName("metrics")


@record
class Cut:
    """Cut of a numeric covariate into subgroups.

    Attributes:
        covariate: Its name.
        edges: Edges in ascending order; a value that equals an edge belongs to the group above it.
        chosen_on: Origin of the edges: named by the user, or a median, and of which cases.
    """

    covariate: str
    edges: tuple[float, ...]
    chosen_on: CutOrigin

    @property
    def description(self) -> str:
        """E.g. `age is cut at 55.5 (median of the out-of-fold cases)`."""
        edges = ", ".join(f"{edge:g}" for edge in self.edges)
        return f"{self.covariate} is cut at {edges} ({self.chosen_on})"


@record
class Threshold:
    """A probability from which on a case is positive for one class.

    Attributes:
        name: `default`, `Youden`, or e.g. `sensitivity at least 0.90`.
        class_name: The class against the rest.
        value: The probability; None where no value reaches what the name asks for.
        chosen_on: Cases on which it was chosen, e.g. `out-of-fold predictions`; never the test set.
        metrics: Sensitivity, specificity, predictive values at this threshold.
    """

    name: str
    class_name: str
    value: float | None
    chosen_on: str
    metrics: tuple[Metric, ...]

    figures = FormerName("metrics")


@record
class Evaluation:
    """The content of metrics.json. Rows of the confusion matrix are truths.

    Attributes:
        title: Description of the evaluated predictions.
        classes: Names, in the order of the confusion matrix.
        n_cases: Cases of the main set.
        n_patients: Patients of the main set.
        confusion: Confusion matrix of the main set.
        metrics: Metrics of the main set.
        level: Level of the intervals.
        n_bootstrap: Resamples of patients, and draws of labels.
        seed: Seed of both resamplings.
        missing: Cases with a truth that were not predicted and so are in no metric.
        note: Intended use.
        positive_class: Positive class of AUROC and thresholds of two classes.
        source: Out-of-fold predictions are of single models, a test set's of the ensemble.
        groups: The same metrics per fold, per member and per subgroup.
        thresholds: Chosen on out-of-fold predictions only.
        unlabelled: Predicted cases without a known label, which are in no metric.
        command: Command as typed, with `~` for the home folder; empty in older files.
        sample_sizes: Expected precision with this number of patients, for each class against the
            rest; none in older files.
        selection: Note in words that the same cases selected the epoch of the weights that
            predicted them; empty if they did not, and in older files.
        repeats: Divisions of all cases into folds that the metrics are means over; the confusion
            matrix, thresholds and curves are those of the first.
        cuts: Cuts of numeric covariates into subgroups: those of the out-of-fold cases, also if
            others are evaluated; not written if there are none.
    """

    document: ClassVar[str] = "metrics"
    former_documents: ClassVar[tuple[str, ...]] = ("figures",)
    schema: ClassVar[int] = 3
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1, 2: _from_2}
    has_checksum: ClassVar[bool] = True

    title: str
    classes: tuple[str, ...]
    n_cases: int
    n_patients: int
    confusion: tuple[tuple[int, ...], ...]
    metrics: tuple[Metric, ...]
    level: float
    n_bootstrap: int
    seed: int
    missing: tuple[str, ...] = ()
    note: str = "Research use only. Not a medical device."
    positive_class: str = ""
    source: Source = "out-of-fold"
    groups: tuple[MetricGroup, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    unlabelled: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    sample_sizes: tuple[SampleSize, ...] = ()
    selection: str = ""
    repeats: Repeats = 1
    cuts: Annotated[tuple[Cut, ...], Field(exclude_if=operator.not_)] = ()

    figures = FormerName("metrics")

    def _repr_html_(self) -> str:
        """The metrics of the main set, for notebooks."""
        rows = [
            (metric.name, html.number(metric.value), html.interval(metric.low, metric.high))
            for metric in self.metrics
        ]
        sizes = f"{self.n_cases} cases of {self.n_patients} patients"
        columns = ("metric", "value", f"{self.level:.0%} interval")
        return html.table(f"{self.title} ({sizes})", columns, rows, self.selection, self.note)


MIGRATIONS = Evaluation.migrations
"""Migrations for `documents.read(Evaluation, path, MIGRATIONS)`, which need not name them."""
