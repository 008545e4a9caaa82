"""Precision of metrics for a number of patients, and the number for a target precision."""

from __future__ import annotations

from ricenet_v2.core.documents import record
from ricenet_v2.core.former_names import FormerName

_WIDEST = 10


@record
class Precision:
    """One criterion of an evaluation in new patients (Riley et al. 2021).

    Attributes:
        metric: E.g. `AUROC`.
        assumed: The value that it is supposed to have.
        low: Lower end of the interval that so many patients lead to be expected.
        high: Upper end.
        target_width: Width of the interval that is wished for.
        n_needed: Patients that this takes, at the same share of the class.
    """

    metric: str
    assumed: float
    low: float
    high: float
    target_width: float
    n_needed: int

    figure = FormerName("metric")

    @property
    def says_nothing(self) -> bool:
        """Whether the interval is as wide as the scale: ten times what is wished for, or more."""
        return self.high - self.low >= _WIDEST * self.target_width


@record
class Development:
    """Criteria for a model developed on these patients (Riley et al. 2019, 2020).

    Attributes:
        overall_risk_margin: Half width of the interval of the share of the class.
        n_for_overall_risk: Patients that a margin of 0.05 takes.
        r_squared: R-squared of Cox and Snell that corresponds to the AUROC.
        most_parameters: Largest number of parameters of a logistic regression whose coefficients
            would have to shrink by at most 10 % and whose R-squared is optimistic by at most 0.05;
            a network has no such number.
    """

    overall_risk_margin: float
    n_for_overall_risk: int
    r_squared: float
    most_parameters: float


@record
class SampleSize:
    """Sample sizes for one class against the rest.

    Attributes:
        class_name: The class.
        n_patients: Several cases of a patient count as one.
        n_of_class: Patients with a case of the class.
        prevalence: Share of the class among the cases.
        auroc: Assumed AUROC: that of the cases, at least 0.55 and at most 0.99.
        precision: Criteria of evaluation.
        development: Criteria for the development of a model; None for a test set.
    """

    class_name: str
    n_patients: int
    n_of_class: int
    prevalence: float
    auroc: float
    precision: tuple[Precision, ...]
    development: Development | None = None
