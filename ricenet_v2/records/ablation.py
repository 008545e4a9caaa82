"""Contribution of each channel."""

from __future__ import annotations

import operator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ricenet_v2.core import html
from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename
from ricenet_v2.core.names import FolderName, Name, Title
from ricenet_v2.records.comparison import Pair
from ricenet_v2.records.metrics import Metric, Source

By = Literal["channel", "kind", "timepoint"]
Change = Literal["permuted", "zeroed"]


def _from_1(fields: Fields) -> Fields:
    """Metrics were called figures."""
    fields = rename(fields, "figures", "metrics", "tables.rows")
    places = ("rows.differences", "contributions", "importances")
    return rename(fields, "figure", "metric", *(f"tables.{place}" for place in places))


@record
class ChannelGroup:
    """Channels that come and go together: one channel, a kind, or a time point."""

    name: str
    channels: tuple[Name, ...]


@record
class Subset:
    """Groups that a model of its own was trained on.

    Attributes:
        name: Names of the groups joined with `+`.
        groups: Names, in the order of the dataset.
        channels: Names, in the order of the dataset.
        model: Folder of the model in the results of the dataset.
    """

    name: str
    groups: tuple[str, ...]
    channels: tuple[Name, ...]
    model: FolderName


@record
class OmittedSubset:
    """A subset that was not trained, since cases have none of its channels that shows the patient.

    Attributes:
        name: Names of the groups joined with `+`.
        train: Training cases of which this is so.
        test: Test cases of which this is so.
    """

    name: str
    train: int
    test: int


@record
class SubsetMetrics:
    """Metrics of one subset, and how they differ from those of all channels.

    Attributes:
        subset: Name.
        metrics: Metrics with intervals.
        differences: Differences of this subset (`a`) less all channels (`b`), paired by case;
            `p_holm` is corrected over the subsets. Empty for all channels.
    """

    subset: str
    metrics: tuple[Metric, ...]
    differences: tuple[Pair, ...] = ()

    figures = FormerName("metrics")


@record
class Contribution:
    """Shapley value of one group.

    Attributes:
        group: Name.
        metric: Metric whose value is divided among the groups.
        value: Mean gain from adding the group, over all orders in which groups can be added; None
            where the metric is not defined, e.g. an AUROC of cases of one class.
        low: Lower end of the interval; None where there is none.
        high: Upper end.
        empty: Value of no channel at all, from which the gains start; None as above.
        whole: Value of all channels; the values of the groups sum to `whole - empty`.
        n: Cases.
        method: Method of the interval.
    """

    group: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    empty: float | None
    whole: float | None
    n: int
    method: str

    figure = FormerName("metric")


@record
class Importance:
    """Loss of the model of all channels if a group is perturbed at prediction.

    Attributes:
        group: Name.
        change: `permuted`: the group comes from another patient; `zeroed`: it is 0 everywhere
            after normalisation.
        metric: Metric whose loss is measured.
        value: Metric of the untouched images less the mean over the repeats.
        low: Lower end of the interval; None where there is none.
        high: Upper end.
        repeats: The loss in each repeat.
        n: Cases.
        method: Method of the interval.
    """

    group: str
    change: Change
    metric: str
    value: float | None
    low: float | None
    high: float | None
    repeats: tuple[float | None, ...]
    n: int
    method: str

    figure = FormerName("metric")


@record
class SourceTable:
    """The results of an ablation on one set of cases.

    Attributes:
        source: Out-of-fold (each case by the one network that had not seen it) or test (by the
            ensemble).
        n_cases: Cases.
        n_patients: Patients.
        class_counts: Cases of each class.
        rows: Rows of each subset; all channels first.
        contributions: Contributions of each group and metric; empty where not all subsets were
            trained.
        importances: Importances of each group, change and metric.
    """

    source: Source
    n_cases: int
    n_patients: int
    class_counts: dict[str, int]
    rows: tuple[SubsetMetrics, ...]
    contributions: tuple[Contribution, ...] = ()
    importances: tuple[Importance, ...] = ()


@record
class Published:
    """Macro F1 of one subset in the paper; None where it is not given."""

    subset: str
    validation: float | None
    test: float | None
    remark: str = ""


@record
class Ablation:
    """The content of ablation.json.

    Attributes:
        dataset: Name.
        plan: Name.
        by: Unit of a group: channel, kind or time point.
        groups: Groups in the order of the dataset.
        full: Name of the subset of all groups.
        subsets: Subsets that were trained; all channels first, then in order of size.
        epochs: Epochs of every fold.
        seed: Seed of weights, sampling and augmentation of every fold.
        positive_class: Positive class of the AUROC of two classes.
        tables: Out-of-fold, and test where there are test cases with labels.
        level: Level of the intervals.
        n_bootstrap: Resamples, and the largest number of paired permutations.
        failed: Subset, fold and reason of trainings that failed; their subsets are in no table.
        published: The paper's own table, where the channels are those of the paper.
        omitted: Subsets that were not trained, as cases lack their channels; they are in no table.
        note: Note on early stopping that chose the epochs on the same cases, and the intended use.
    """

    document: ClassVar[str] = "ablation"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}

    dataset: Title
    plan: Name
    by: By
    groups: tuple[ChannelGroup, ...]
    full: str
    subsets: tuple[Subset, ...]
    epochs: int
    seed: int
    positive_class: str
    tables: tuple[SourceTable, ...]
    level: float
    n_bootstrap: int
    failed: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    omitted: Annotated[tuple[OmittedSubset, ...], Field(exclude_if=operator.not_)] = ()
    note: str = "Research use only. Not a medical device."

    def _repr_html_(self) -> str:
        """Metrics of every subset, for notebooks."""
        return "".join(self._html_of(table) for table in self.tables)

    def _html_of(self, table: SourceTable) -> str:
        rows = [
            (row.subset, *(html.number(metric.value) for metric in row.metrics))
            for row in table.rows
        ]
        columns = ("subset", *(metric.name for metric in table.rows[0].metrics))
        sizes = f"{table.n_cases} cases of {table.n_patients} patients"
        omitted = [f"{each.name} was not trained: cases lack its channels" for each in self.omitted]
        notes = (*self.failed, *omitted, self.note)
        return html.table(f"{table.source}: {sizes}", columns, rows, *notes)
