"""Simulated cohorts whose true metrics are known.

Each class has normal scores around a corner of a simplex (a point on a line for two classes), all
pairs as far apart as the wanted AUROC of two classes says, and probabilities are those of the
scores: a calibrated model. With several cases a patient, half of the variance of the scores is
the patient's, and half of the cases take the patient's label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ricenet_v2.evaluation.confusion_matrix import confusion
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import MetricSet

N_POPULATION = 200_000
NAMES = ("a", "b", "c")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """What a cohort is drawn from.

    Attributes:
        n_classes: Two or three; the last one is the positive class.
        prevalence: Prevalence of the last class; the others share the rest.
        auroc: AUROC of any two classes.
    """

    n_classes: int
    prevalence: float
    auroc: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Names."""
        return NAMES[: self.n_classes]

    @property
    def shares(self) -> Floats:
        """Shares of the classes."""
        rest = (1 - self.prevalence) / (self.n_classes - 1)
        return np.array([*[rest] * (self.n_classes - 1), self.prevalence])

    @property
    def centres(self) -> Floats:
        """Centres of the scores, axes (classes, dimensions)."""
        apart = float(np.sqrt(2) * special.ndtri(self.auroc))
        corners = np.eye(self.n_classes) * apart / np.sqrt(2)
        # Rotated into the plane of the corners, which loses no distance.
        flat = np.linalg.svd(corners - corners.mean(axis=0))[2][: self.n_classes - 1]
        positions: Floats = corners @ flat.T
        return positions

    def labelled(
        self, n: int, per_patient: int, random: np.random.Generator
    ) -> LabelledPredictions:
        """A cohort of n cases; the last patient may have fewer than the others."""
        owner = np.arange(n) // per_patient
        count, kinds, depth = int(owner[-1]) + 1, self.n_classes, self.n_classes - 1
        truth = random.choice(kinds, size=n, p=self.shares)
        noise = random.normal(size=(n, depth))
        if per_patient > 1:
            of_patient = random.choice(kinds, size=count, p=self.shares)
            truth = np.where(random.random(n) < 0.5, of_patient[owner], truth)
            noise = np.sqrt(0.5) * (noise + random.normal(size=(count, depth))[owner])
        return self.seen(truth, noise, tuple(f"p{number:06d}" for number in owner))

    def seen(
        self, truth: NDArray[np.intp], noise: Floats, patients: tuple[str, ...]
    ) -> LabelledPredictions:
        """Cases of these classes as the model sees them, noise (cases, classes - 1)."""
        places = self.centres[truth] + noise
        far = ((places[:, None, :] - self.centres) ** 2).sum(axis=2)
        p = special.softmax(np.log(self.shares) - far / 2, axis=1)
        names = tuple(f"c{number:06d}" for number in range(len(patients)))
        return LabelledPredictions(names, patients, truth, p.argmax(axis=1), p, self.classes)


@cache
def truths(population: Population, n: int = N_POPULATION) -> dict[str, float]:
    """The metrics of a large population, by name."""
    each = np.round(population.shares * n).astype(int)
    truth = np.repeat(np.arange(population.n_classes), each)
    noise = np.random.default_rng(99).normal(size=(len(truth), population.n_classes - 1))
    whole = population.seen(truth, noise, ())
    metric_set = MetricSet.of(whole, population.n_classes - 1)
    values = metric_set.values(np.ones((len(truth), 1)))[0]
    counts = confusion(truth, whole.predicted, population.n_classes)
    last, total = counts[-1, -1], counts.sum()
    correct, called = counts[-1].sum(), counts[:, -1].sum()
    name = population.classes[-1]
    return {
        **dict(zip(metric_set.names, map(float, values), strict=True)),
        "accuracy": float(np.trace(counts) / total),
        f"sensitivity of {name}": float(last / correct),
        f"specificity of {name}": float((total - correct - called + last) / (total - correct)),
        f"positive predictive value of {name}": float(last / called) if called else float("nan"),
        f"negative predictive value of {name}": float(
            (total - correct - called + last) / (total - called)
        ),
    }
