"""Options and result of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.api.locations import PathInput
from ricenet_v2.api.pictures import picture
from ricenet_v2.core import html
from ricenet_v2.core.options import options
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.curves import Curves
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.ranges import Count, Index, Share
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.reporting.results.curves import curve_charts


@options
class MetricOptions:
    """Metrics, thresholds and checks to compute, and how to compute them.

    Attributes:
        positive_class: Positive class of two; that of the training where None.
        allow_missing: Leave out cases without a prediction or a label, and list them.
        n_bootstrap: Bootstrap samples of an interval.
        seed: Random seed of the resampling.
        thresholds: metrics.json of out-of-fold predictions whose thresholds are applied to a test
            set; that of the model where None.
        sensitivities: Sensitivities that thresholds must reach.
        specificities: Specificities that thresholds must reach.
        subgroups: Covariates whose subgroups are evaluated; all but those that may identify a
            patient where None.
        bands: Limits of the subgroups of covariates, e.g. `(("age", (50.0, 65.0)),)`.
        prior: Class shares that predictions of new cases are adjusted to, as in `PredictOptions`.
        permutation_test: Permutations of the labels to compare with; no such test where None.
        size_and_spacing: Whether to evaluate also a model that sees only size and spacing of the
            images.
        prevalences: Pairs of a class (None is the positive one) and a prevalence that predictive
            values are computed at too.
    """

    positive_class: str | None = None
    allow_missing: bool = False
    n_bootstrap: Count = 2000
    seed: Index = 0
    thresholds: PathInput | None = None
    sensitivities: Sequence[Share] = (0.9,)
    specificities: Sequence[Share] = (0.9,)
    subgroups: Sequence[str] | None = None
    bands: Sequence[tuple[str, tuple[float, ...]]] = ()
    prior: Sequence[str] = ()
    permutation_test: Count | None = None
    size_and_spacing: bool = False
    prevalences: Sequence[tuple[str | None, Share]] = ()


@dataclass(frozen=True)
class EvaluationResult:
    """Results of an evaluation.

    Attributes:
        evaluation: Metrics with intervals, of all cases, classes, thresholds and subgroups.
        curves: ROC, precision-recall, calibration and decision curves.
        checks: Whether the result is too good to be true.
        centres: Metrics of each centre, where each fold holds out one.
        seeds: Seeds of the trainings of the model, where there is more than one.
        folder: Folder of the written files; None where none were written.
        remark: Checks that were kept from an earlier evaluation; empty if none.
    """

    evaluation: Evaluation
    curves: Curves
    checks: Sanity
    centres: Centres | None = None
    seeds: tuple[int, ...] = ()
    folder: Path | None = None
    remark: str = ""

    def _repr_html_(self) -> str:
        """Metrics, curves and checks, for notebooks."""
        checks = [(check.name, check.outcome, check.found) for check in self.checks.checks]
        pictures = "".join(map(picture, curve_charts("", self.curves)))
        table = html.table("Too good to be true?", ("check", "outcome", "found"), checks)
        return f"{self.evaluation._repr_html_()}{pictures}{table}"
