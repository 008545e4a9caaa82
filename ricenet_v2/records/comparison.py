"""Runs compared on the same cases."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core import html
from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename


def _from_1(fields: Fields) -> Fields:
    """Metrics were called figures."""
    return rename(fields, "figure", "metric", "pairs")


@record
class Pair:
    """One metric of two runs.

    Attributes:
        metric: E.g. `AUROC`, `accuracy`, `macro F1`, `Brier score`.
        a: Name of the first run.
        b: Name of the second run.
        value_a: Value of the first run; None if not defined.
        value_b: Value of the second run.
        difference: `value_a - value_b`.
        low: Lower end of the difference's interval, which belongs to the test: it leaves 0 out just
            where p is below 1 - level. In older files it is of a bootstrap beside the test.
        high: Upper end.
        test: Name of the test, with counts and seed where they matter.
        p: Two-sided; None where the test is not defined.
        p_holm: Corrected by Holm's method over all pairs of runs of this metric.
        n: Cases.
        warning: Warning in words, if the test has little power.
    """

    metric: str
    a: str
    b: str
    value_a: float | None
    value_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    test: str
    p: float | None
    p_holm: float | None
    n: int
    warning: str = ""

    figure = FormerName("metric")


@record
class Comparison:
    """The content of comparison.json.

    Attributes:
        runs: Names of the runs.
        classes: Names of the classes.
        positive_class: Positive class of the AUROC of two classes.
        n_cases: Cases that all runs predicted; only these are compared.
        n_patients: Their patients.
        left_out: Cases that some run did not predict.
        pairs: Every metric of every two runs.
        level: Level of the intervals.
        n_bootstrap: Most paired permutations; in older files also the number of bootstrap samples.
        seed: Seed of the intervals.
        note: Note on early stopping that chose the epochs on the same cases, and the intended use.
        command: Command as typed, with `~` for the home folder; empty in older files.
    """

    document: ClassVar[str] = "comparison"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}
    has_checksum: ClassVar[bool] = True

    runs: tuple[str, ...]
    classes: tuple[str, ...]
    positive_class: str
    n_cases: int
    n_patients: int
    left_out: tuple[str, ...]
    pairs: tuple[Pair, ...]
    level: float
    n_bootstrap: int
    seed: int
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """The pairs, for notebooks."""
        rows = [
            (
                pair.metric,
                f"{pair.a} - {pair.b}",
                f"{html.number(pair.value_a)}, {html.number(pair.value_b)}",
                f"{html.number(pair.difference)} ({html.interval(pair.low, pair.high)})",
                html.p_value(pair.p),
                html.p_value(pair.p_holm),
                pair.warning,
            )
            for pair in self.pairs
        ]
        columns = ("metric", "runs", "values", "difference", "p", "p (Holm)", "warning")
        title = f"{self.n_cases} cases of {self.n_patients} patients that all runs predicted"
        return html.table(title, columns, rows, self.note)
