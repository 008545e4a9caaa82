"""Tests by swapping patients against scipy, by hand, and by how often they reject what is true."""

import dataclasses
import functools
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from ricenet_v2.evaluation.aligned_runs import on_same_cases
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.paired_permutation import (
    PairedPermutation,
    mean_p,
    mean_test,
    not_rejected,
    share_as_large,
)
from ricenet_v2.evaluation.resampling import Patients


def names(n):
    return [f"{i:02d}" for i in range(n)]


@pytest.mark.parametrize("n", [3, 8])
def test_a_mean_is_tested_as_scipy_does(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    wanted = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=999)
    found = mean_p(values, Patients.of(names(n)), 2000, np.random.default_rng(0))
    assert found == pytest.approx(wanted.pvalue)


def test_many_patients_are_drawn_and_cases_of_a_patient_turn_together():
    values = np.random.default_rng(1).normal(0.35, 1, 40)
    drawn = mean_p(values, Patients.of(names(40)), 20_000, np.random.default_rng(0))
    assert drawn == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)
    thrice = mean_p(np.repeat([1.0, 2.0, 3.0], 3), Patients.of(list("aaabbbccc")), 99, None)
    assert thrice == 0.25


def test_nobody_is_swapped_in_the_first_sample():
    for count in (1, 5, 30):
        swaps = PairedPermutation.of(count, 50, np.random.default_rng(0))
        assert not swaps.swapped[:, 0].any()
        assert not swaps.swapped[0].any()
        assert swaps.is_complete == (count < 30)
    assert len(np.unique(PairedPermutation.of(5, 50, None).swapped, axis=1).T) == 16
    assert share_as_large(np.array([np.nan, 1.0])) is None


@pytest.mark.parametrize("n", [3, 5, 8, 20])
def test_means_that_are_nothing_are_significant_in_five_of_a_hundred(n):
    random, patients, trials = np.random.default_rng(n), Patients.of(names(n)), 600
    p = np.array([mean_p(random.normal(size=n), patients, 199, random) for _ in range(trials)])
    assert np.mean(p < 0.05) < 0.075
    assert (np.mean(p < 0.05) > 0.025) == (n >= 6)


@pytest.mark.parametrize("n", [6, 9])
def test_an_interval_holds_the_means_that_scipy_does_not_reject(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)

    def p_of(mean):
        return stats.permutation_test(
            (values - mean,), np.mean, permutation_type="samples", n_resamples=9999
        ).pvalue

    _, (low, high) = mean_test(values, Patients.of(names(n)), 2000, None)
    for inside, outside in ((low + 1e-6, low - 1e-6), (high - 1e-6, high + 1e-6)):
        assert p_of(inside) >= 0.05 > p_of(outside)


def test_of_five_patients_there_is_no_interval():
    assert mean_test(np.arange(5.0) + 1, Patients.of(names(5)), 2000, None) == (2 / 2**5, None)


def test_intervals_of_many_patients_are_near_to_students():
    values = np.random.default_rng(3).normal(0.2, 1, 60)
    _, ends = mean_test(values, Patients.of(names(60)), 20_000, np.random.default_rng(0))
    wanted = stats.ttest_1samp(values, 0).confidence_interval()
    assert ends == pytest.approx(tuple(wanted), abs=0.02)


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(6, 14),
    seed=st.integers(0, 2**32 - 1),
    places=st.sampled_from([0, 1, 8]),
    step=st.sampled_from([0.0, 0.05]),
    stretch=st.sampled_from([1.0, 1.7]),
    exact=st.one_of(st.none(), st.floats(0, 1)),
)
def test_an_interval_leaves_0_out_just_where_p_is_small(n, seed, places, step, stretch, exact):
    """Whatever ties there are, and whatever an exact test says beside the samples."""
    random = np.random.default_rng(seed)
    parts, weights = random.normal(0.5, 1, n).round(places), random.dirichlet(np.ones(n))
    signs = 1.0 - 2 * PairedPermutation.of(n, 500, random).swapped
    values, kept = parts @ signs / n, weights @ signs
    p = share_as_large(values) if exact is None else exact
    ends = not_rejected(values, kept, p=exact, step=step, stretch=stretch)
    if ends is not None and (values[0] != 0 or p >= 0.05):
        low, high = ends
        assert (p < 0.05) == (low > 0 or high < 0)
        assert low <= values[0] + 1e-12
        assert high >= values[0] - 1e-12


@pytest.mark.parametrize(("n_ties", "low"), [(0, 0.04), (6, 0.07)])
def test_where_a_correction_would_hold_0_the_next_order_statistic_does_not(n_ties, low):
    """Of 100 samples by hand: the k-th lies k hundredths nearer to 0, six of them perhaps none.

    Nobody weighs, so without the correction a sample speaks for differences from k hundredths on.
    """
    nearer = np.arange(100) / 100
    nearer[1 : 1 + n_ties] = 0
    kept = np.zeros(100)
    kept[0] = 1
    ends = not_rejected(1 - nearer, kept, p=0.01, step=0.5)
    assert ends == pytest.approx((low, 1 + 0.5 + 1 - nearer[4]))
    assert not_rejected(nearer - 1, kept, p=0.01, step=0.5) == pytest.approx((-ends[1], -low))


@pytest.mark.parametrize("effect", [0.0, 0.3, 1.0])
def test_intervals_hold_means_that_are_skewed_in_most_cohorts(effect):
    """Of 300 cohorts of 25 patients, two cases each; 99.9 % limits of 93 and of 98 %."""
    random, held, trials = np.random.default_rng(4), 0, 300
    patients = Patients.of(np.repeat(names(25), 2).tolist())
    for _ in range(trials):
        values = effect + np.repeat(random.gamma(4, 0.25, 25) - 1, 2) + random.normal(0, 0.2, 50)
        _, (low, high) = mean_test(values, patients, 399, random)
        held += low <= effect <= high
    limits = stats.binom.ppf(0.0005, trials, 0.93), stats.binom.ppf(0.9995, trials, 0.98)
    assert limits[0] <= held <= limits[1]


def by_metric(runs, n=500):
    return {pair.metric: pair for pair in compare(on_same_cases(runs), 1, n).pairs}


@pytest.fixture
def three_classes(draw):
    """Nine cases of five patients."""
    return [draw(3, n=9, seed=seed, per_patient=2) for seed in (1, 2)]


def test_every_way_to_swap_is_counted(three_classes):
    first, second = three_classes
    second = dataclasses.replace(second, truth=first.truth)
    owner = np.unique(first.patients, return_inverse=True)[1]
    ranks = [stats.rankdata(run.probabilities, axis=0) for run in (first, second)]

    def difference(swapped):
        kept = ~swapped[:, None]
        calls = np.where(kept, first.predicted[:, None], second.predicted[:, None])[:, 0]
        others = np.where(kept, second.predicted[:, None], first.predicted[:, None])[:, 0]
        f1 = [f1_score(first.truth, own, average="macro") for own in (calls, others)]
        scores = np.where(kept, *ranks), np.where(kept, *ranks[::-1])
        auroc = [
            np.mean([roc_auc_score(first.truth == k, own[:, k]) for k in range(3)])
            for own in scores
        ]
        return f1[0] - f1[1], auroc[0] - auroc[1]

    ways = np.array([difference(np.array(way)[owner]) for way in product((False, True), repeat=5)])
    wanted = np.mean(np.abs(ways) >= np.abs(ways[0]) - 1e-9, axis=0)
    found = by_metric({"a": first, "b": second})
    assert (found["macro F1"].p, found["AUROC"].p) == pytest.approx(tuple(wanted))
    assert "all 32 permutations" in found["macro F1"].test
    assert "with 5 patients p cannot be below 0.062" in found["macro F1"].warning


def test_within_folds_every_way_to_swap_is_counted_and_offsets_are_not(draw):
    first, second = (draw(2, n=10, seed=seed) for seed in (3, 4))
    folds = np.arange(10) % 2
    truth = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, 1])
    first, second = (
        dataclasses.replace(run, truth=truth, folds=tuple(folds)) for run in (first, second)
    )
    ranks = np.empty((2, 10))
    for row, run in zip(ranks, (first, second), strict=True):
        for fold in (0, 1):
            row[folds == fold] = stats.rankdata(run.probabilities[folds == fold, 1])

    @functools.cache  # a fold has 32 ways of its own
    def area(fold, swapped):
        own = folds == fold
        return roc_auc_score(truth[own], np.where(swapped, *ranks[::-1, own]))

    def within(swapped):
        parts = [truth[folds == fold] for fold in (0, 1)]
        pairs = [own.sum() * (1 - own).sum() for own in parts]
        areas = [area(fold, tuple(swapped[folds == fold])) for fold in (0, 1)]
        return np.average(areas, weights=pairs)

    ways = np.array(list(product((False, True), repeat=10)))
    changes = [within(way) - within(~way) for way in ways]
    wanted = np.mean(np.abs(changes) >= abs(changes[0]) - 1e-9)
    assert by_metric({"a": first, "b": second}, 600)["AUROC within folds"].p == pytest.approx(
        wanted
    )
    less = first.probabilities * np.where(folds, 1.0, 0.1)[:, None]
    shifted = np.column_stack([1 - less[:, 1], less[:, 1]])
    pair = by_metric({"a": first, "b": dataclasses.replace(first, probabilities=shifted)})
    assert (pair["AUROC within folds"].difference, pair["AUROC within folds"].p) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "least"), [(1, 1.0), (3, 0.25), (5, 0.0625)])
def test_few_patients_prove_nothing(draw, n, least):
    right = draw(2, n=8, seed=1)
    sure = np.eye(2)[right.truth]
    right = dataclasses.replace(right, predicted=right.truth, probabilities=0.8 * sure + 0.1)
    wrong = dataclasses.replace(right, predicted=1 - right.truth, probabilities=0.9 - 0.8 * sure)
    runs = {name: run.part(np.arange(n)) for name, run in (("a", right), ("b", wrong))}
    found = by_metric(runs)
    for metric in ("macro F1", "Brier score", *(("balanced accuracy",) if n > 1 else ())):
        assert found[metric].p == pytest.approx(least)
        assert "p cannot be below" in found[metric].warning


@pytest.mark.parametrize("n", [8, 16])
def test_runs_that_are_alike_differ_in_five_of_a_hundred(draw, n):
    trials, rejected = 150, dict.fromkeys(("macro F1", "balanced accuracy", "Brier score"), 0)
    for seed in range(trials):
        first, second = (draw(2, n=n, seed=(seed, k)) for k in (0, 1))
        truth = np.arange(n) % 2
        shared = {
            name: dataclasses.replace(
                run, truth=truth, probabilities=p, predicted=p.argmax(axis=1)
            )
            for name, run in (("a", first), ("b", second))
            for p in [np.where((run.truth == truth)[:, None], run.probabilities,
                               run.probabilities[:, ::-1])]
        }  # fmt: skip
        found = by_metric(shared, 128)
        for metric in rejected:
            rejected[metric] += found[metric].p < 0.05
    assert max(rejected.values()) / trials < 0.09


def test_balanced_accuracy_of_one_class_is_not_compared(draw):
    runs = {name: draw(2, n=8, seed=1).part(np.arange(1)) for name in "ab"}
    pair = by_metric(runs)["balanced accuracy"]
    assert (pair.value_a, pair.difference, pair.p, pair.low) == (None, None, None, None)
