"""Variance over training seeds, on folders as training leaves them."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.seeds import sd_factors, variance, write_seeds
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.store.paths import SEEDS_JSON
from ricenet_v2.store.tables import read_rows
from tests.evaluation.seeded import read

OPTIONS = EvaluationOptions(1, n_bootstrap=20)


def _accuracies(seeded_paths):
    found = []
    for seed in range(3):
        model = seeded_paths.run("auto", "all", seed or None)
        rows = [r for fold in range(2) for r in read_rows(model.fold(fold).validation)]
        found.append(np.mean([(float(r["prob_b"]) > 0.5) == (r["label"] == "b") for r in rows]))
    return found


def test_mean_and_deviation_are_over_the_seeds_and_intervals_over_patients(seeded_paths):
    made = variance(read(seeded_paths), OPTIONS)
    assert made.seeds == (0, 1, 2)
    assert made.models == ("auto__all", "auto__all__seed1", "auto__all__seed2")
    accuracy = next(metric for metric in made.metrics if metric.name == "accuracy")
    values = _accuracies(seeded_paths)
    assert accuracy.values == pytest.approx(values)
    assert accuracy.mean == pytest.approx(np.mean(values))
    assert accuracy.sd == pytest.approx(np.std(values, ddof=1))
    assert (accuracy.lowest, accuracy.highest) == pytest.approx((min(values), max(values)))
    assert all(
        low < value < high
        for low, value, high in zip(accuracy.lows, values, accuracy.highs, strict=True)
    )
    assert "AUROC within folds" in {metric.name for metric in made.metrics}
    assert "says nothing about other patients" in made.meaning


def test_cases_that_are_not_called_alike_are_counted(seeded_paths):
    calls = [[], [], []]
    for seed in range(3):
        for fold in range(2):
            rows = read_rows(seeded_paths.run("auto", "all", seed or None).fold(fold).validation)
            calls[seed] += [float(row["prob_b"]) > 0.5 for row in rows]
    differ = sum(len(set(each)) > 1 for each in zip(*calls, strict=True))
    assert 0 < differ < 20
    assert variance(read(seeded_paths), OPTIONS).n_predictions_differ == differ


def test_the_interval_of_a_deviation_is_that_of_the_table_of_chi_square():
    """Quantiles of two degrees of freedom: 0.0506 and 7.378."""
    assert sd_factors(3) == pytest.approx(((2 / 7.378) ** 0.5, (2 / 0.0506) ** 0.5), rel=1e-3)


def test_what_is_written_comes_back(seeded_paths):
    trainings = read(seeded_paths, 2, 0)
    made = variance(trainings, OPTIONS)
    write_seeds(trainings.folder, made)
    assert trainings.folder == seeded_paths.run().crossval
    assert documents.read(SeedVariance, trainings.folder / SEEDS_JSON) == made
    row = next(r for r in read_rows(trainings.folder / "seeds.csv") if r["metric"] == "accuracy")
    values = _accuracies(seeded_paths)
    assert [float(row["seed_0"]), float(row["seed_2"])] == pytest.approx([values[0], values[2]])
