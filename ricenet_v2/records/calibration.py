"""Calibration of the probabilities of a model."""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core import html
from ricenet_v2.core.documents import record
from ricenet_v2.core.names import RelativePath, Title
from ricenet_v2.records.metrics import Metric

TEMPERATURE_LIMITS = (0.05, 20.0)
"""Limits between which a temperature is sought; an end of its interval beyond is not determined."""
Form = Literal["nothing", "temperature", "slope and offset"]


@record
class Trial:
    """One form of calibration, tried.

    Attributes:
        form: Its name.
        log_loss: Mean over the out-of-fold cases, of each fold calibrated by the other folds;
            None where it was not fitted.
        cases_needed: Cases that hold five of the rarest class at these class shares, below which it
            is not tried.
        reason: Effect on the log loss, or the reason why it was not tried, in words.
    """

    form: Form
    log_loss: float | None
    cases_needed: int
    reason: str


@record
class Calibration:
    """The content of calibration.json in a model folder.

    Attributes:
        temperature: Logits are divided by it; above 1 makes probabilities less extreme. One over
            the slope where `form` is `slope and offset`, 1 where it is `nothing`.
        low: Lower end of its interval; None where there is none, or where it is not determined.
        high: Upper end; likewise.
        n_cases: Out-of-fold cases that it was fitted on.
        n_patients: Their patients.
        method: Method of the fit, with the seed of the interval.
        fitted_on: SHA-256 of each fold's validation.csv, by file name relative to the model.
        before: Metrics of the out-of-fold predictions as they are.
        after: The same when each fold is calibrated by the other folds, the form included.
        ensemble_before: Metrics of the ensemble on a test set, where one was named.
        ensemble_after: The same with each member calibrated, then averaged.
        warning: Warning in words, if there were few cases or the fit met its bounds.
        note: Note on early stopping that chose the epochs on the same cases, and the intended use.
        command: Command as typed, with `~` for the home folder; empty in older files.
        form: Form of the calibration; `temperature` in older files.
        slope: Logits are multiplied by it.
        offsets: Offsets of each class, in the order of `classes`, added to the logits afterwards;
            they sum to 0. Empty for none.
        classes: Names; empty in older files.
        prior: Class shares of the cases, for which calibrated probabilities are right; empty where
            the predictions were not corrected for the prior (older runs), and in older files.
        trials: The forms that were tried; empty in older files.
    """

    document: ClassVar[str] = "calibration"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    temperature: float
    low: float | None
    high: float | None
    n_cases: int
    n_patients: int
    method: str
    fitted_on: dict[RelativePath, str]
    before: tuple[Metric, ...]
    after: tuple[Metric, ...]
    ensemble_before: tuple[Metric, ...] = ()
    ensemble_after: tuple[Metric, ...] = ()
    warning: str = ""
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()
    form: Form = "temperature"
    slope: float = 1.0
    offsets: tuple[float, ...] = ()
    classes: tuple[Title, ...] = ()
    prior: tuple[float, ...] = ()
    trials: tuple[Trial, ...] = ()

    @property
    def description(self) -> str:
        """Description of the calibration, with its numbers."""
        if self.form == "nothing":
            return "Nothing is changed"
        if self.form == "temperature":
            return f"Temperature {self.temperature:.3f}"
        offsets = ", ".join(
            f"{name} {value:+.3f}" for name, value in zip(self.classes, self.offsets, strict=True)
        )
        return f"Slope {self.slope:.3f} and offsets ({offsets})"

    @property
    def interval(self) -> str:
        """The interval of the temperature, in words; empty where none is applied."""
        if self.form != "temperature" and self.low is None and self.high is None:
            return ""
        lowest, highest = TEMPERATURE_LIMITS
        low = None if self.low is None or self.low < lowest else f"{self.low:.3f}"
        high = None if self.high is None or self.high > highest else f"{self.high:.3f}"
        if low and high:
            return f"{low} to {high}"
        if low or high:
            return f"{low} or more" if low else f"{high} or less"
        return f"interval not determined: it reaches beyond {lowest:g} to {highest:g}"

    def _repr_html_(self) -> str:
        """Metrics before and after, for notebooks."""
        rows = [
            (old.name, html.number(old.value), html.number(new.value))
            for old, new in zip(self.before, self.after, strict=True)
        ]
        title = f"{self.description}, from {self.n_cases} cases of {self.n_patients} patients"
        return html.table(title, ("metric", "before", "after"), rows, self.warning, self.note)
