"""The AUROC within folds against scikit-learn, and when the pooled one is warned of."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ricenet_v2.evaluation.alike import on_same_cases
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluate import Options, evaluate
from ricenet_v2.evaluation.folds import WITHIN, WithinFolds, offset

FIVE = tuple(i % 5 for i in range(100))


@pytest.fixture
def shifted(draw):
    """A function that draws 100 cases of five folds, each with scores `apart` below the one before.

    A fold with many positive cases has low scores, as models give that have learned the share of
    the classes from the other folds.
    """

    def make(apart, knowledge=0.8, seed=0):
        random, fold = np.random.default_rng(seed), np.array(FIVE)
        truth = np.empty(100, dtype=int)
        for number in range(5):
            truth[fold == number] = random.permutation(20) < 8 + number
        scores = knowledge * truth + random.normal(size=100) - apart * fold
        p = 1 / (1 + np.exp(-scores))
        return dataclasses.replace(
            draw(2, n=100, folds=FIVE),
            truth=truth,
            predicted=(p > 0.5).astype(int),
            probabilities=np.column_stack([1 - p, p]),
        )

    return make


@pytest.mark.parametrize("n_classes", [2, 3])
def test_within_folds_is_the_mean_of_the_folds_by_their_pairs(draw, n_classes):
    scored = draw(n_classes, n=100, folds=tuple(i % 7 // 2 for i in range(100)))
    means = []
    for index in (1,) if n_classes == 2 else range(n_classes):
        own, scores = scored.truth == index, scored.probabilities[:, index]
        parts = [np.array(scored.folds) == fold for fold in range(4)]
        values = [roc_auc_score(own[part], scores[part]) for part in parts]
        pairs = [own[part].sum() * (~own[part]).sum() for part in parts]
        means.append(np.average(values, weights=pairs))
    found = WithinFolds.of(scored, 1)(np.ones((100, 1)))
    assert found[0] == pytest.approx(np.mean(means))
    pooled = {f.name: f.value for f in evaluate(scored, Options(1, 50)).figures}["AUROC"]
    assert offset(scored, 1, 50, 0).pooled == pytest.approx(pooled)


def test_a_fold_of_one_class_counts_no_pair(draw):
    scored = draw(2, n=40, folds=(*(0,) * 30, *(1,) * 10))
    scored = dataclasses.replace(scored, truth=np.r_[scored.truth[:30], np.zeros(10, dtype=int)])
    found = WithinFolds.of(scored, 1)(np.ones((40, 1)))
    first = roc_auc_score(scored.truth[:30], scored.probabilities[:30, 1])
    assert found[0] == pytest.approx(first)


def test_a_pooled_auroc_that_offsets_push_below_chance_is_warned_of(shifted):
    made = evaluate(shifted(2.5), Options(1, n_bootstrap=300))
    figures = {figure.name: figure for figure in made.figures}
    assert figures["AUROC"].value < 0.5 < figures[WITHIN].low
    assert "offset against each other" in figures["AUROC"].warning
    less = figures["AUROC pooled less within folds"]
    assert less.value == pytest.approx(figures["AUROC"].value - figures[WITHIN].value)
    assert less.high < 0


def test_scores_without_offsets_are_seldom_warned_of(shifted):
    """The interval of the difference misses 0 in about 5 % of cohorts whose folds are alike."""
    found = [offset(shifted(0, 1.5, seed), 1, 200, 0) for seed in range(100)]
    assert sum(bool(one.warning) for one in found) <= 12  # P = 0.0015 at 5 %
    told = [offset(shifted(1.0, 1.5, seed), 1, 200, 0) for seed in range(20)]
    assert all(one.warning for one in told)


def test_below_chance_pooled_alone_is_told_as_maybe(shifted):
    found = offset(shifted(0), 1, 50, 0)
    below = dataclasses.replace(found, pooled=0.49, within=0.52, of_difference=(-0.1, 0.05))
    assert "maybe only since" in below.warning
    assert not dataclasses.replace(below, within=0.48).warning
    assert not dataclasses.replace(below, pooled=0.51).warning


def test_without_folds_there_is_nothing_to_tell(draw):
    assert offset(draw(2, n=30), 1, 50, 0) is None
    assert offset(draw(2, n=30, folds=(0,) * 30), 1, 50, 0) is None
    alone = dataclasses.replace(draw(2, n=30, folds=FIVE[:30]), truth=np.zeros(30, dtype=int))
    assert offset(alone, 1, 50, 0) is None


def test_a_comparison_says_whose_folds_are_offset_and_compares_within_them(shifted):
    """The network is no better than the table within folds, only pooled."""
    network = shifted(0)
    p = network.probabilities[:, 1]
    odds = np.exp(-2.5 * np.array(FIVE)) * p / (1 - p)
    table = np.column_stack([1 / (1 + odds), odds / (1 + odds)])
    runs = {"network": network, "table": dataclasses.replace(network, probabilities=table)}
    made = {pair.figure: pair for pair in compare(on_same_cases(runs), 1, 300).pairs}
    assert made["AUROC"].difference > 0.1
    assert "AUROC of table" in made["AUROC"].warning
    assert "AUROC of network" not in made["AUROC"].warning
    assert made[WITHIN].difference == pytest.approx(0)
    assert "AUROC of" not in made["accuracy"].warning
    others = {**runs, "table": dataclasses.replace(runs["table"], folds=FIVE[1:] + FIVE[:1])}
    assert WITHIN not in {pair.figure for pair in compare(on_same_cases(others), 1, 50).pairs}
