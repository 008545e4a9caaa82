"""The figures of an ablation, of many samples of patients at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals, metrics
from ricenet_v2.evaluation.battery import Battery
from ricenet_v2.evaluation.resampling import Figures, Patients, replicated
from ricenet_v2.evaluation.scored import Scored

FIGURES = ("macro F1", "AUROC", "balanced accuracy")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Samples of patients.
        seed: Of the samples.
        level: Coverage.
    """

    positive: int
    n_bootstrap: int = 2000
    seed: int = 0
    level: float = 0.95

    @property
    def method(self) -> str:
        """In words."""
        return f"BCa bootstrap by patient, {self.n_bootstrap} samples, seed {self.seed}"


@dataclass(frozen=True)
class Sampled:
    """Figures of the cases, of samples of their patients, and of the cases without one patient.

    Every set of predictions sees the same samples, so that differences are paired.

    Attributes:
        whole: Shape (figures,).
        replicates: Axes (samples, figures).
        left_out: Axes (patients, figures).
    """

    whole: Floats
    replicates: Floats
    left_out: Floats

    def interval(self, figure: int, level: float) -> tuple[float, float] | None:
        """BCa interval of one figure; None where it is not defined."""
        whole = float(self.whole[figure])
        return intervals.bca(whole, self.replicates[:, figure], self.left_out[:, figure], level)


def sampled(scored: Scored, how: Resampling) -> Sampled:
    """The three figures of a set of predictions."""
    battery = Battery.of(scored, how.positive)
    columns = [battery.names.index(name) for name in FIGURES]

    def figures(weights: Floats) -> Floats:
        return battery.values(weights)[:, columns]

    return _sampled(figures, scored.grouping, len(scored), how)


def of_nothing(scored: Scored, majority: int, how: Resampling) -> Sampled:
    """The figures of a model that sees no channel.

    It calls every case of the class that most training cases have, and its scores are all equal:
    AUROC 0.5, balanced accuracy 1 / classes, and the macro F1 of that call on the same samples.

    Args:
        scored: Predictions, of which only the truths are used.
        majority: Index of the most frequent class.
        how: Of the samples.
    """
    n_classes = len(scored.classes)
    own = np.eye(n_classes)[scored.truth]

    def figures(weights: Floats) -> Floats:
        counts = np.zeros((weights.shape[1], n_classes, n_classes))
        counts[:, :, majority] = weights.T @ own
        f1 = metrics.macro_f1(counts)
        return np.column_stack([f1, np.full_like(f1, 0.5), np.full_like(f1, 1 / n_classes)])

    return _sampled(figures, scored.grouping, len(scored), how)


def _sampled(figures: Figures, patients: Patients, n: int, how: Resampling) -> Sampled:
    random = generator(how.seed, "bootstrap")
    return Sampled(
        figures(np.ones((n, 1)))[0],
        replicated(figures, patients.samples(how.n_bootstrap, random)),
        replicated(figures, patients.left_out()),
    )
