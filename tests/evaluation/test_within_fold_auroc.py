"""The AUROC within folds against scikit-learn, and when the pooled one is warned of."""

import dataclasses
from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from ricenet_v2.evaluation import within_fold_auroc
from ricenet_v2.evaluation.aligned_runs import on_same_cases
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, WithinFolds, _shuffles, offset

FIVE = tuple(i % 5 for i in range(100))
SOME = np.arange(40)


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
    labelled = draw(n_classes, n=100, folds=tuple(i % 7 // 2 for i in range(100)))
    means = []
    for index in (1,) if n_classes == 2 else range(n_classes):
        own, scores = labelled.truth == index, labelled.probabilities[:, index]
        parts = [np.array(labelled.folds) == fold for fold in range(4)]
        values = [roc_auc_score(own[part], scores[part]) for part in parts]
        pairs = [own[part].sum() * (~own[part]).sum() for part in parts]
        means.append(np.average(values, weights=pairs))
    found = WithinFolds.of(labelled, 1)(np.ones((100, 1)))
    assert found[0] == pytest.approx(np.mean(means))
    pooled = {f.name: f.value for f in evaluate(labelled, EvaluationOptions(1, 50)).metrics}[
        "AUROC"
    ]
    assert offset(labelled, 1, 0).pooled == pytest.approx(pooled)


def test_a_fold_of_one_class_counts_no_pair(draw):
    labelled = draw(2, n=40, folds=(*(0,) * 30, *(1,) * 10))
    labelled = dataclasses.replace(
        labelled, truth=np.r_[labelled.truth[:30], np.zeros(10, dtype=int)]
    )
    found = WithinFolds.of(labelled, 1)(np.ones((40, 1)))
    first = roc_auc_score(labelled.truth[:30], labelled.probabilities[:30, 1])
    assert found[0] == pytest.approx(first)


def test_a_pooled_auroc_that_offsets_push_below_chance_is_warned_of(shifted):
    made = evaluate(shifted(2.5), EvaluationOptions(1, n_bootstrap=300))
    metrics = {metric.name: metric for metric in made.metrics}
    assert metrics["AUROC"].value < 0.5 < metrics[WITHIN].low
    assert "offset against each other" in metrics["AUROC"].warning
    less = metrics["AUROC pooled less within folds"]
    assert less.value == pytest.approx(metrics["AUROC"].value - metrics[WITHIN].value)
    assert (less.low, less.high) == (None, None)
    assert "p = 0.001 by 999 permutations of folds" in less.method


def test_scores_without_offsets_are_warned_of_once_in_twenty(shifted, monkeypatch):
    """Of 300 cohorts whose folds are alike 5 %: 99.9 % limits of the binomial law are 4 and 28."""
    monkeypatch.setattr(within_fold_auroc, "MOST_SHUFFLES", 99)
    found = [offset(shifted(0, 1.5, seed).part(SOME), 1, seed) for seed in range(300)]
    low, high = stats.binom.ppf([0.0005, 0.9995], 300, 0.05)
    assert low <= sum(one.p <= 0.05 for one in found) <= high
    told = [offset(shifted(1.0, 1.5, seed), 1, 0) for seed in range(20)]
    assert all(one.warning for one in told)


def test_every_way_to_shuffle_folds_is_what_p_comes_near_to(draw):
    """Seven patients, counted by hand over all orders of the folds within each class."""
    truth, fold = np.array([0, 0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 0, 1, 1])
    labelled = dataclasses.replace(draw(2, n=7, seed=5), truth=truth, folds=tuple(fold))
    scores = labelled.probabilities[:, 1]

    def within(own):
        pairs = [
            (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
            for i in range(4, 7)
            for j in range(4)
            if own[i] == own[j]
        ]
        return np.mean(pairs)

    pooled = roc_auc_score(truth, scores)
    ways = [within([*a, *b]) for a in permutations(fold[:4]) for b in permutations(fold[4:])]
    wanted = np.mean(np.abs(np.array(ways) - pooled) >= abs(within(fold) - pooled) - 1e-9)
    found = offset(labelled, 1, 0)
    assert (found.pooled, found.within) == pytest.approx((pooled, within(fold)))
    assert found.p == pytest.approx(wanted, abs=0.05)


def test_cases_of_a_patient_stay_in_one_fold(draw):
    """Patients of one case and of two are not put in each other's place: the folds keep sizes."""
    labelled = draw(2, n=60, per_patient=2)
    patients = [*labelled.patients[:40], *(f"single{n}" for n in range(20))]
    fold = np.unique(patients, return_inverse=True)[1] % 3
    labelled = dataclasses.replace(labelled, patients=tuple(patients), folds=tuple(fold))
    (drawn,) = list(_shuffles(labelled, fold, 50, np.random.default_rng(0)))
    for row in drawn.T:
        assert all(len(set(row[np.array(patients) == name])) == 1 for name in set(patients))
        for k in (0, 1):
            counts = [np.bincount(own[labelled.truth == k].astype(int)) for own in (row, fold)]
            np.testing.assert_array_equal(*counts)


def test_as_many_shuffles_are_drawn_as_are_asked_for(draw, monkeypatch):
    monkeypatch.setattr("ricenet_v2.evaluation.within_fold_auroc._NUMBERS_AT_ONCE", 25)
    labelled = dataclasses.replace(draw(2, n=12), folds=tuple(n % 3 for n in range(12)))
    numbers = np.array(labelled.folds)
    parts = list(_shuffles(labelled, numbers, 7, np.random.default_rng(0)))
    assert [part.shape for part in parts] == [(12, 2)] * 3 + [(12, 1)]


def test_below_chance_pooled_alone_is_told_as_maybe(shifted):
    found = offset(shifted(0), 1, 0)
    below = dataclasses.replace(found, pooled=0.49, within=0.52, p=0.2)
    assert "possibly below chance only because" in below.warning
    assert not dataclasses.replace(below, within=0.48).warning
    assert not dataclasses.replace(below, pooled=0.51).warning


def test_without_folds_there_is_nothing_to_tell(draw):
    assert offset(draw(2, n=30), 1, 0) is None
    assert offset(draw(2, n=30, folds=(0,) * 30), 1, 0) is None
    alone = dataclasses.replace(draw(2, n=30, folds=FIVE[:30]), truth=np.zeros(30, dtype=int))
    assert offset(alone, 1, 0) is None


def test_a_comparison_says_whose_folds_are_offset_and_compares_within_them(shifted):
    """The network is no better than the table within folds, only pooled."""
    network = shifted(0, seed=1)
    p = network.probabilities[:, 1]
    odds = np.exp(-2.5 * np.array(FIVE)) * p / (1 - p)
    table = np.column_stack([1 / (1 + odds), odds / (1 + odds)])
    runs = {"network": network, "table": dataclasses.replace(network, probabilities=table)}
    made = {pair.metric: pair for pair in compare(on_same_cases(runs), 1, 300).pairs}
    assert made["AUROC"].difference > 0.1
    assert "AUROC of table" in made["AUROC"].warning
    assert "AUROC of network" not in made["AUROC"].warning
    assert made[WITHIN].difference == pytest.approx(0)
    assert "AUROC of" not in made["accuracy"].warning
    others = {**runs, "table": dataclasses.replace(runs["table"], folds=FIVE[1:] + FIVE[:1])}
    assert WITHIN not in {pair.metric for pair in compare(on_same_cases(others), 1, 50).pairs}
