"""Variation due to the training seed alone: the same model trained several times."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core import html
from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename
from ricenet_v2.core.names import FolderName, RelativePath


def _from_1(fields: Fields) -> Fields:
    """Metrics were called figures, and predictions calls."""
    fields = rename(fields, "n_calls_differ", "n_predictions_differ", "")
    return rename(fields, "figures", "metrics", "")


@record
class SeedMetric:
    """One metric of the trainings.

    Attributes:
        name: Name in metrics.json, e.g. `AUROC`.
        values: Values for each seed; None where not defined.
        mean: Mean over the seeds; None, like all that follows, if the value of some seed is not
            defined.
        sd: Standard deviation over the seeds, with `k - 1` below.
        lowest: Smallest value.
        highest: Largest value.
        lows: Lower end of the interval by patients of each seed; None where there is none.
        highs: Upper ends.
        n: Cases that it rests on.
        method: Method of the intervals over patients.
    """

    name: str
    values: tuple[float | None, ...]
    mean: float | None
    sd: float | None
    lowest: float | None
    highest: float | None
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    n: int
    method: str


@record
class SeedVariance:
    """The content of seeds.json.

    Attributes:
        title: Description of the evaluated predictions.
        seeds: Seeds of the trainings, ascending.
        models: Name of the folder of each.
        epochs: Epochs of every fold.
        n_folds: Number of folds of each training.
        scheme: Scheme of the folds, in words; empty if unknown.
        pretrained: File that every training began with; empty of weights that the seed drew.
        n_cases: Cases.
        n_patients: Patients.
        classes: Names.
        positive_class: Positive class of the AUROC of two classes.
        metrics: Metrics with the value of each seed.
        sd_factors: Factors of a standard deviation that give the limits of its interval: few seeds
            hardly determine it.
        n_predictions_differ: Cases that not all trainings classify the same.
        level: Level of the intervals.
        n_bootstrap: Resamples of the intervals by patients.
        seed: Seed of that resampling.
        predictions: SHA-256 of each fold's validation.csv, by its path below the results.
        meaning: Interpretation of the numbers and its limits.
        note: Note on early stopping that chose the epochs on the same cases, and the intended use.
        command: Command as typed, with `~` for the home folder.
    """

    document: ClassVar[str] = "seeds"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}
    has_checksum: ClassVar[bool] = True

    title: str
    seeds: tuple[int, ...]
    models: tuple[FolderName, ...]
    epochs: int
    n_folds: int
    scheme: str
    pretrained: str
    n_cases: int
    n_patients: int
    classes: tuple[str, ...]
    positive_class: str
    metrics: tuple[SeedMetric, ...]
    sd_factors: tuple[float, float]
    n_predictions_differ: int
    level: float
    n_bootstrap: int
    seed: int
    predictions: dict[RelativePath, str]
    meaning: str
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()

    figures = FormerName("metrics")
    n_calls_differ = FormerName("n_predictions_differ")

    @property
    def agreement_text(self) -> str:
        """Number of cases that the trainings classify differently, in words."""
        return (
            f"{self.n_predictions_differ} of {self.n_cases} cases are not classified the same by "
            f"all {len(self.seeds)} trainings."
        )

    def _repr_html_(self) -> str:
        """Each metric with every seed, for notebooks."""
        rows = [
            (
                each.name,
                *map(html.number, each.values),
                html.number(each.mean),
                html.number(each.sd),
            )
            for each in self.metrics
        ]
        columns = ("metric", *(f"seed {seed}" for seed in self.seeds), "mean", "SD")
        title = f"{self.title} ({self.n_cases} cases of {self.n_patients} patients)"
        return html.table(title, columns, rows, self.agreement_text, self.meaning, self.note)
