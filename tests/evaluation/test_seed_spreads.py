"""Differences that are no larger than those between seeds."""

from __future__ import annotations

import shutil

from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.seed_spreads import spreads_of, with_spreads
from ricenet_v2.evaluation.seeds import variance, write_seeds
from ricenet_v2.records.comparison import Comparison, Pair
from tests.evaluation.seeded import read, train

OPTIONS = EvaluationOptions(1, n_bootstrap=20)


def _pair(metric: str, difference: float | None, b: str = "small__all") -> Pair:
    ends = (None, None)
    return Pair(metric, "auto__all", b, 0.8, 0.7, difference, *ends, "t", 0.1, 0.1, 20, "few")


def _compared(*pairs: Pair) -> Comparison:
    runs = ("auto__all", "small__all", "auto__all__seed1")
    return Comparison(runs, ("a", "b"), "b", 20, 20, (), pairs, 0.95, 20, 0)


def test_a_difference_within_the_spread_over_seeds_is_warned_of(seeded_paths):
    trainings = read(seeded_paths)
    write_seeds(trainings.folder, made := variance(trainings, OPTIONS))
    shutil.copytree(seeded_paths.run().folder, seeded_paths.results / "small__all")
    names = {name: name for name in ("auto__all", "small__all", "auto__all__seed1")}
    spreads = spreads_of(names, seeded_paths)
    assert spreads == dict.fromkeys(("auto__all", "auto__all__seed1"), made)
    accuracy = next(metric for metric in made.metrics if metric.name == "accuracy")
    width = accuracy.highest - accuracy.lowest
    assert width > 0
    within, beyond, unknown, seeds = with_spreads(
        _compared(
            _pair("accuracy", -0.9 * width),
            _pair("accuracy", 1.1 * width),
            _pair("accuracy", None),
            _pair("accuracy", 0.1, "auto__all__seed1"),
        ),
        spreads,
    ).pairs
    ends = f"({accuracy.lowest:.3f} to {accuracy.highest:.3f})"
    told = f"no more than the 3 training seeds of auto__all differ by {ends}"
    assert within.warning == f"few; {told}"
    assert beyond.warning == unknown.warning == "few"
    assert seeds.warning == "few; the runs differ only in their training seed, one of 3"
    # Once the model was trained again, nothing is known of its seeds.
    train(seeded_paths, 7, None)
    assert "auto__all" not in spreads_of(names, seeded_paths)
