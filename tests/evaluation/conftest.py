"""Predictions drawn at random."""

import numpy as np
import pytest

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.store.paths import DatasetPaths
from tests.evaluation import seeded

NAMES = ("x", "y", "z", "u", "v")


@pytest.fixture(scope="session")
def draw():
    """A function that draws predictions which know something of the truth."""

    def drawn(n_classes=2, n=60, seed=0, per_patient=1, digits=2, knowledge=1.5, **further):
        random = np.random.default_rng(seed)
        truth = np.r_[np.arange(n_classes), random.integers(0, n_classes, n - n_classes)]
        logits = random.normal(size=(n, n_classes)) + knowledge * np.eye(n_classes)[truth]
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        # Rounded, so that some are equal.
        probabilities = probabilities.round(digits) + 1e-3
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return LabelledPredictions(
            case_ids=tuple(f"c{i:03d}" for i in range(n)),
            patients=tuple(f"p{i // per_patient:03d}" for i in range(n)),
            truth=truth,
            predicted=probabilities.argmax(axis=1),
            probabilities=probabilities,
            classes=NAMES[:n_classes],
            **further,
        )

    return drawn


@pytest.fixture
def seeded_paths(tmp_path):
    """Seeds 0 to 2; the first lies where a training without seeds does."""
    roots = (tmp_path / name / seeded.NAME for name in ("raw", "preprocessed", "results"))
    dataset = DatasetPaths(seeded.NAME, *roots)
    for seed in range(3):
        seeded.train(dataset, seed, seed or None)
    return dataset
