"""Whatever is drawn in an evaluation is drawn by the seed that the user names."""

from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.core import seeds
from ricenet_v2.evaluation.aligned_runs import on_same_cases
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.permutation import shuffled_labels

SEED = 5


@pytest.fixture
def drawn(monkeypatch):
    """Seed and first name of each generator that is made."""
    seen, real = [], seeds.seed_of

    def spy(seed, *names):
        seen.append((seed, names[0]))
        return real(seed, *names)

    monkeypatch.setattr(seeds, "seed_of", spy)
    return seen


def folds_of(n):
    return tuple(case % 3 for case in range(n))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_evaluation_draws_by_its_seed(draw, drawn, n_classes):
    labelled = draw(n_classes, n=40, per_patient=2, folds=folds_of(40))
    evaluate(labelled, EvaluationOptions(1, n_bootstrap=20, seed=SEED))
    assert {seed for seed, _ in drawn} == {SEED}
    assert {name for _, name in drawn} == {"calibration by chance", "folds", "labels"}


def test_a_comparison_and_shuffled_labels_draw_by_their_seed(draw, drawn):
    first, second = (draw(2, n=40, seed=seed, folds=folds_of(40)) for seed in (1, 2))
    second = dataclasses.replace(second, truth=first.truth)
    compare(on_same_cases({"a": first, "b": second}), 1, 50, SEED)
    shuffled_labels(first, 1, 9, SEED)
    assert {seed for seed, _ in drawn} == {SEED}
    assert {name for _, name in drawn} >= {"swaps", "permutation"}
