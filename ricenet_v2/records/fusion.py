"""The network and clinical covariates in one model."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core import html
from ricenet_v2.core.documents import record
from ricenet_v2.core.names import RelativePath, Title
from ricenet_v2.records.covariates import Covariate
from ricenet_v2.records.metrics import Metric


@record
class FusedCovariate:
    """A covariate of a fusion, and what the training cases had of it.

    Attributes:
        covariate: Encoding of the covariate as numbers.
        lowest: Lowest number of the training cases; None of words.
        highest: Highest number.
        unknown: Training cases of which it is not known.
    """

    covariate: Covariate
    lowest: float | None
    highest: float | None
    unknown: int


@record
class FusedSide:
    """Out-of-fold metrics of one of the models that are compared.

    Attributes:
        name: Input of the model: the image, the covariates, or both.
        metrics: Metrics with intervals.
    """

    name: str
    metrics: tuple[Metric, ...]


@record
class Fusion:
    """The content of fusion.json: a logistic regression on log odds of a network and covariates.

    The probabilities of classes are the softmax of `weights` times the standardised columns plus
    `intercepts`; for two classes there is one row, for the second class, and the first has 0.

    Attributes:
        covariates: Covariates in the order of their columns.
        classes: Names, in the order of the probabilities.
        columns: The log odds of the network (of the second of two classes; of more, the logarithm
            of each probability less the mean of them), then those of the covariates.
        fill: Imputed value for unknown values, by column.
        mean: Mean over the training cases, by column.
        scale: Standard deviation of the training cases, by column.
        weights: Weights per standard deviation, axes (rows, columns).
        intercepts: Intercepts by row.
        penalty: C of scikit-learn's LogisticRegression.
        prior: Class shares of the training cases, for which its probabilities are right.
        n_cases: Training cases.
        n_patients: Their patients.
        seed: Random seed of the inner folds in which penalties are chosen.
        fitted_on: SHA-256 of each fold's validation.csv, by file name relative to the model.
        compared: Out-of-fold metrics of both, of the image alone, and of the covariates alone.
        warning: Warning in words, if there are few cases to fit it.
        note: Note on early stopping that chose the epochs on the same cases, and the intended use.
        command: Command as typed, with `~` for the home folder.
    """

    document: ClassVar[str] = "fusion"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    covariates: tuple[FusedCovariate, ...]
    classes: tuple[Title, ...]
    columns: tuple[str, ...]
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]
    penalty: float
    prior: tuple[float, ...]
    n_cases: int
    n_patients: int
    seed: int
    fitted_on: dict[RelativePath, str]
    compared: tuple[FusedSide, ...] = ()
    warning: str = ""
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(each.covariate.name for each in self.covariates)

    def _repr_html_(self) -> str:
        """Metrics of image, covariates and both, for notebooks."""
        names = [metric.name for metric in self.compared[0].metrics] if self.compared else []
        rows = [
            (
                name,
                *(
                    f"{html.number(side.metrics[at].value)} "
                    f"({html.interval(side.metrics[at].low, side.metrics[at].high)})"
                    for side in self.compared
                ),
            )
            for at, name in enumerate(names)
        ]
        title = f"Out-of-fold, {self.n_cases} cases of {self.n_patients} patients"
        columns = ("metric", *(side.name for side in self.compared))
        return html.table(title, columns, rows, self.warning, self.note)
