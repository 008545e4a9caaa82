"""Intervals against published numbers, scipy and simulated coverage."""

import numpy as np
import pytest
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.resampling import Patients, replicated


def test_the_papers_eleven_of_twelve():
    low, high = intervals.proportion(11, 12)
    assert (round(low, 3), round(high, 3)) == (0.615, 0.998)


def test_exact_interval_of_a_textbook_case():
    # Newcombe 1998, table I: 81 of 263, method 5.
    low, high = intervals.proportion(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2527, 0.3676)


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (3, 7), (40, 92)])
def test_proportions_agree_with_scipy(hits, n):
    peer = stats.binomtest(hits, n).proportion_ci(0.9, "exact")
    assert intervals.proportion(hits, n, 0.9) == pytest.approx(tuple(peer))


def test_cases_of_one_patient_that_are_alike_count_once():
    hit = np.repeat([True, False, True, True, False], 4)
    patients = Patients.of(np.repeat([f"p{i}" for i in range(5)], 4).tolist())
    # Sum of squares by patient is 16 times that of single ones: 20 cases are worth 4 (5 - 1),
    # and fewer by the square of the quotient of t for 4 and for 19 degrees of freedom.
    few = (2.776445 / 2.093024) ** 2
    assert intervals.effective_n(hit, patients) == pytest.approx(4 / few, rel=1e-5)
    assert intervals.effective_n(np.ones(20, bool), patients) == 5
    single = Patients.of([f"p{i}" for i in range(20)])
    assert intervals.effective_n(hit, single) == 20
    at_80 = (1.533206 / 1.327728) ** 2  # the 90th percentiles of the same two distributions
    assert intervals.effective_n(hit, patients, 0.8) == pytest.approx(4 / at_80, rel=1e-5)
    assert intervals.effective_n(np.zeros(20, bool), patients) == 5
    assert intervals.effective_n(hit, Patients.of(["p"] * 20)) == 1


def test_cases_of_one_patient_that_differ_are_worth_no_more_than_themselves():
    """One hit and one miss in each of six patients: no patient differs from another."""
    patients = Patients.of(np.repeat([f"p{i}" for i in range(6)], 2).tolist())
    few = (stats.t.ppf(0.975, 5) / stats.t.ppf(0.975, 11)) ** 2
    assert intervals.effective_n(np.tile([True, False], 6), patients) == pytest.approx(6 / few)
    # Nearly so: the variance by patient is below that by case, and 12 cases are worth 12.
    hit = np.array([True, False] * 5 + [True, True])
    assert intervals.effective_n(hit, patients) == pytest.approx(12 / few)


def test_resampling_draws_whole_patients():
    patients = Patients.of(["b", "a", "a", "c", "c", "c"])
    (weights,) = patients.samples(50, generator(0, "test"))
    assert weights.shape == (6, 50)
    assert (weights[1] == weights[2]).all()
    assert (weights[3] == weights[4]).all()
    assert (weights[0] + weights[1] + weights[3] == 3).all()


def test_patients_are_left_out_once_each_and_many_in_groups():
    few = Patients.of(["a", "a", "b", "c"])
    (weights,) = few.left_out()
    assert sorted(weights.sum(axis=0)) == [2, 3, 3]
    many = Patients.of([str(i) for i in range(1700)])
    left = np.concatenate(list(many.left_out()), axis=1)
    assert left.shape == (1700, 500)
    assert (left.sum(axis=1) == 499).all()
    assert set(left.sum(axis=0)) <= {1696, 1697}


def test_patients_are_left_out_once_each_however_many_fit_at_once(monkeypatch):
    monkeypatch.setattr("ricenet_v2.evaluation.resampling._NUMBERS_AT_ONCE", 20)
    patients = Patients.of([str(i) for i in range(10)])
    parts = list(patients.left_out())
    assert [part.shape[1] for part in parts] == [2] * 5
    np.testing.assert_array_equal((1 - np.concatenate(parts, axis=1)).sum(axis=0), 1)
    np.testing.assert_array_equal((1 - np.concatenate(parts, axis=1)).sum(axis=1), 1)


def test_bca_agrees_with_scipy():
    data = np.random.default_rng(3).exponential(size=40)
    patients = Patients.of([f"{i:02d}" for i in range(40)])

    def mean(weights):
        return (data @ weights / weights.sum(axis=0))[:, None]

    replicates = replicated(mean, patients.samples(4000, generator(1, "bca")))[:, 0]
    left_out = replicated(mean, patients.left_out())[:, 0]
    low, high = intervals.bca(data.mean(), replicates, left_out)
    peer = stats.bootstrap((data,), np.mean, n_resamples=4000, method="BCa", random_state=2)
    assert low == pytest.approx(peer.confidence_interval.low, abs=0.03)
    assert high == pytest.approx(peer.confidence_interval.high, abs=0.03)


def test_half_of_the_samples_that_equal_the_value_count_as_below():
    """25 of 100 samples lie below 0, 50 at it: no bias; left out without skewness: percentiles."""
    replicates = np.r_[np.linspace(-3, -1, 25), np.zeros(50), np.linspace(1, 2, 25)]
    left_out = np.array([-1.0, 0.0, 1.0])
    found = intervals.bca(0.0, replicates, left_out, 0.9)
    assert found == pytest.approx(tuple(np.quantile(replicates, [0.05, 0.95])))
    # Of 40 below and 20 at the value: a bias of the normal quantile of a half, which is none.
    replicates = np.r_[np.linspace(-3, -1, 40), np.zeros(20), np.linspace(1, 2, 40)]
    assert intervals.bca(0.0, replicates, left_out) == pytest.approx(
        tuple(np.quantile(replicates, [0.025, 0.975]))
    )


def test_the_acceleration_of_groups_is_that_of_single_patients():
    data = np.random.default_rng(0).exponential(size=4000)
    single = intervals._acceleration((data.sum() - data) / 3999)
    patients = Patients.of([f"{i:04d}" for i in range(4000)])
    left = np.concatenate([data @ w / w.sum(axis=0) for w in patients.left_out()])
    assert intervals._acceleration(left) == pytest.approx(single, abs=0.005)
    assert single == pytest.approx(2 / 6 / np.sqrt(4000), rel=0.2)


def test_no_interval_of_no_width_and_none_of_mostly_degenerate_samples():
    assert intervals.bca(1.0, np.ones(100), np.ones(10)) is None
    mostly = np.r_[np.full(60, np.nan), np.linspace(0, 1, 40)]
    assert intervals.bca(0.5, mostly, np.linspace(0, 1, 10)) is None


@pytest.mark.parametrize("n", [1, 12, 40, 92])
def test_coverage_of_proportions(n):
    """Exact coverage: never below 95 %, whatever the truth."""
    hits = np.arange(n + 1)
    shares = np.linspace(0.01, 0.99, 99)
    weights = stats.binom.pmf(hits[:, None], n, shares)
    ends = np.array([intervals.proportion(h, n) for h in hits])
    inside = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    assert (weights * inside).sum(axis=0).min() >= 0.95 - 1e-9
