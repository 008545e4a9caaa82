"""Metrics of folds that hold out one centre each, and how far the centres differ."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename
from ricenet_v2.records.metrics import Metric


def _from_1(fields: Fields) -> Fields:
    """Metrics were called figures."""
    fields = rename(fields, "figure", "metric", "spreads", "heterogeneity")
    return rename(fields, "figures", "metrics", "centres")


@record
class Centre:
    """One group that a fold held out, e.g. a centre.

    Attributes:
        fold: Number of the fold.
        name: Value of the column.
        n_cases: Cases.
        n_patients: Patients.
        n_of_class: Cases of each class, in the order of the classes.
        metrics: Metrics as in metrics.json.
        warning: Warning in words, if it is too small for informative metrics.
    """

    fold: int
    name: str
    n_cases: int
    n_patients: int
    n_of_class: tuple[int, ...]
    metrics: tuple[Metric, ...]
    warning: str = ""

    figures = FormerName("metrics")


@record
class Spread:
    """The lowest and the highest value of a metric over the centres.

    Attributes:
        metric: E.g. `accuracy`.
        n: Centres where it is defined.
        lowest: Value.
        lowest_in: Name of the centre.
        highest: Value.
        highest_in: Name of the centre.
    """

    metric: str
    n: int
    lowest: float
    lowest_in: str
    highest: float
    highest_in: str

    figure = FormerName("metric")


@record
class Heterogeneity:
    """A random-effects summary of an AUROC over centres, on the scale of its logit.

    Attributes:
        metric: `AUROC`, or `AUROC of` a class of more than two.
        centres: Names of those that it rests on.
        left_out: Centres that it does not rest on, each with the reason.
        mean: AUROC of an average centre; None where there is no summary, as all that follows.
        low: Lower end of the mean's interval.
        high: Upper end.
        tau: Standard deviation of the logit between centres.
        prediction_low: Lower end of the interval for the AUROC in a new centre.
        prediction_high: Upper end.
        method: Method of the interval.
        why: Reason why there is no summary, in words; else empty.
    """

    metric: str
    centres: tuple[str, ...]
    left_out: tuple[str, ...]
    mean: float | None
    low: float | None
    high: float | None
    tau: float | None
    prediction_low: float | None
    prediction_high: float | None
    method: str
    why: str = ""

    figure = FormerName("metric")

    def description(self, column: str, level: float) -> str:
        """The summary in words, or why there is none.

        Args:
            column: Column of cases.csv, e.g. `centre`.
            level: Level of the intervals.
        """
        if self.mean is None:
            summary = f"{self.metric} by {column}: no summary, since {self.why}"
        else:
            summary = (
                f"{self.metric} by {column}: {self.mean:.3f} in an average one ({level:.0%} "
                f"interval {self.low:.3f} to {self.high:.3f}); in a new one it is expected from "
                f"{self.prediction_low:.3f} to {self.prediction_high:.3f} ({level:.0%} prediction "
                f"interval; SD of the logit between them {self.tau:.3f}; {self.method})"
            )
        if self.left_out:
            summary += f". Left out: {'; '.join(self.left_out)}"
        return f"{summary}."


@record
class Centres:
    """The content of centres.json.

    Attributes:
        title: Description of the evaluated predictions.
        column: Column of cases.csv.
        classes: Names.
        positive_class: Positive class of the AUROC of two classes.
        centres: Centres in the order of the folds.
        spreads: Spreads of some metrics.
        heterogeneity: Heterogeneity of the AUROC, of each class if there are more than two.
        level: Level of the intervals.
        note: Intended use.
        command: Command as typed, with `~` for the home folder.
    """

    document: ClassVar[str] = "centres"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}
    has_checksum: ClassVar[bool] = True

    title: str
    column: str
    classes: tuple[str, ...]
    positive_class: str
    centres: tuple[Centre, ...]
    spreads: tuple[Spread, ...]
    heterogeneity: tuple[Heterogeneity, ...]
    level: float
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()
