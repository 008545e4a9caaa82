"""Intervals of single metrics against statsmodels, scipy, and by hand."""

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats import proportion

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import areas, confusion_intervals, influence, intervals, mover
from ricenet_v2.evaluation.consistency import bands
from ricenet_v2.evaluation.evaluate import EvaluationOptions, metrics_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.losses import Losses
from ricenet_v2.evaluation.metric_set import MetricSet
from ricenet_v2.evaluation.proportions import proportions
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import Patients


def called(counts):
    """Cases with this confusion matrix, whose probabilities fit the calls."""
    counts = np.asarray(counts)
    truth, call = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    p = np.where(call == 1, 0.7, 0.3)
    names = tuple(f"{k:04d}" for k in range(len(truth)))
    return LabelledPredictions(
        names, names, truth, call, np.column_stack([1 - p, p]), ("RICE", "recurrence")
    )


@pytest.mark.parametrize(
    ("counts", "beyond"),
    [
        # A bootstrap gave 0.429 to 0.474: it never draws a hit where there is none.
        ([[77, 1], [14, 0]], {"macro F1": (0.44, 0.6), "balanced accuracy": (0.48, 0.6)}),
        ([[78, 0], [14, 0]], {"macro F1": (0.45, 0.6), "balanced accuracy": (0.5, 0.6)}),
        ([[4, 1], [0, 7]], {"macro F1": (0.6, 0.98), "balanced accuracy": (0.6, 0.98)}),
        ([[40, 8], [0, 12]], {"macro F1": (0.7, 0.9), "balanced accuracy": (0.8, 0.95)}),
    ],
)
def test_a_class_that_is_hit_never_or_always_leaves_room(counts, beyond):
    metrics = {
        metric.name: metric for metric in metrics_of(called(counts), EvaluationOptions(1, 50))
    }
    for name, (low, high) in beyond.items():
        assert metrics[name].low < low < high < metrics[name].high, name
    assert metrics["MCC"].high - metrics["MCC"].low > 0.3


def test_the_example_of_the_documentation():
    # documentation/metrics.md: the bootstrap of before, and the interval of now.
    labelled = called([[77, 1], [14, 0]])
    metric_set, patients = MetricSet.of(labelled, 1), labelled.grouping
    samples = np.concatenate(list(patients.samples(2000, generator(0, "bootstrap"))), axis=1)
    left_out = np.concatenate(list(patients.left_out()), axis=1)
    old, acceleration = (metric_set.values(weights)[:, 0] for weights in (samples, left_out))
    value = metric_set.values(np.ones((92, 1)))[0, 0]
    assert value == pytest.approx(0.456, abs=5e-4)
    assert intervals.bca(value, old, acceleration) == pytest.approx((0.429, 0.474), abs=2e-3)
    assert confusion_intervals.macro_f1(labelled, 0.95) == pytest.approx((0.427, 0.639), abs=5e-4)


def test_f1_is_that_of_the_exact_share_of_hits():
    low, high = confusion_intervals.f1(called([[77, 1], [14, 0]]), 0, 0.95)
    peer = stats.binomtest(77, 92).proportion_ci(0.95, "exact")
    assert low == pytest.approx(2 * peer.low / (1 + peer.low))
    assert high == pytest.approx(2 * peer.high / (1 + peer.high))


def test_mover_of_two_shares_is_newcombes_interval_of_their_difference():
    # p + (1 - q) is p - q, shifted by 1; statsmodels has Newcombe's interval of p - q.
    ends = [proportion.proportion_confint(*pair, method="wilson") for pair in ((9, 10), (3, 10))]
    (a, b), (c, d) = ends
    low, high = mover.of_mean(np.array([0.9, 0.7]), np.array([a, 1 - d]), np.array([b, 1 - c]))
    peer = proportion.confint_proportions_2indep(9, 10, 3, 10, method="newcomb")
    assert (2 * low - 1, 2 * high - 1) == pytest.approx(peer)
    apart = mover.of_mean(np.zeros(2), -np.ones(2), np.ones(2), np.ones((2, 2)))
    assert apart == pytest.approx((-1, 1))


@pytest.mark.parametrize(("m", "n"), [(5, 7), (14, 78)])
def test_newcombes_method_5_of_a_perfect_ranking(m, n):
    own = np.arange(m + n) >= n
    area = areas.auroc(np.arange(m + n, dtype=float), own)
    low, high = areas.newcombe(area, Patients(np.arange(m + n), m + n), 0.95)

    def gap(a):
        """Hanley and McNeil's variance as they write it, with the mean number in both places."""
        first, second, mean = a / (2 - a), 2 * a * a / (1 + a), (m + n) / 2
        variance = a * (1 - a) + (mean - 1) * (first + second - 2 * a * a)
        return 1 - a - stats.norm.ppf(0.975) * np.sqrt(variance / (m * n))

    assert (area.value, high) == (1, 1)
    assert low == pytest.approx(optimize.brentq(gap, 0.01, 1 - 1e-9))


def test_the_variance_of_delong_widens_an_interval_where_it_is_larger():
    """Half of the class lies below all others and half above: an AUROC of 0.5 that varies much."""
    scores, own = np.arange(20.0), np.repeat([True, False, True], [5, 10, 5])
    area = areas.auroc(scores, own)
    low, high = areas.newcombe(area, Patients(np.arange(20), 20), 0.95)

    def usual(a):
        return a * (1 - a) / 100 * (1 + 9 * ((1 - a) / (2 - a) + a / (1 + a)))

    # Each case of the class is above none of the others or above all, a half from the mean.
    delong = 20 / 19 * 10 * (0.5 / 10) ** 2
    assert delong > usual(0.5)

    def gap(a):
        return abs(0.5 - a) - stats.norm.ppf(0.975) * np.sqrt(delong / usual(0.5) * usual(a))

    assert area.value == 0.5
    assert low == pytest.approx(optimize.brentq(gap, 1e-9, 0.5))
    assert high == pytest.approx(optimize.brentq(gap, 0.5, 1 - 1e-9))


def test_within_folds_the_variances_of_the_folds_add_up():
    """By the squares of their shares of the pairs; a fold of one class has none."""
    counts = [(2, 5), (3, 4), (0, 4)]
    folds = np.repeat([0, 1, 2], [7, 7, 4])
    own = np.concatenate([np.arange(m + n) >= n for m, n in counts])
    scores = np.arange(18.0) - 20 * folds  # perfect in each fold, not across them
    area = areas.auroc_within(scores, own, folds)
    low, high = areas.newcombe(area, Patients(np.arange(18), 18), 0.95)

    def gap(a):
        first, second = a / (2 - a), 2 * a * a / (1 + a)
        total = 0.0
        for m, n in counts[:2]:
            variance = a * (1 - a) + ((m + n) / 2 - 1) * (first + second - 2 * a * a)
            total += (m * n / 22) ** 2 * variance / (m * n)
        return 1 - a - stats.norm.ppf(0.975) * np.sqrt(total)

    assert (area.value, high) == (1, 1)
    assert low == pytest.approx(optimize.brentq(gap, 0.01, 1 - 1e-9))
    alone = areas.auroc_within(scores[:7], own[:7], folds[:7])
    whole = areas.auroc(scores[:7], own[:7])
    np.testing.assert_array_equal(alone.influence, whole.influence)
    assert (alone.value, alone.strata) == (whole.value, whole.strata)


@pytest.mark.parametrize("digits", [1, 6])
def test_influences_are_the_derivatives_of_the_areas(draw, digits):
    labelled = draw(2, n=30, digits=digits)
    scores, own = labelled.probabilities[:, 1], labelled.truth == 1
    ranking, step = Ranking.of(scores, own), 1e-6
    weights = 1 + step * np.column_stack([np.eye(30), -np.eye(30)])
    for area, found in zip(
        (areas.auroc(scores, own), areas.average_precision(scores, own)),
        ranking.metrics(weights),
        strict=True,
    ):
        numeric = (found[:30] - found[30:]) / (2 * step)
        np.testing.assert_allclose(area.influence, numeric, atol=1e-7)
        assert area.value == pytest.approx(found.mean(), abs=1e-6)


def test_patients_with_equal_cases_count_once():
    single = np.random.default_rng(0).normal(size=20)
    patients = Patients(np.repeat(np.arange(20), 3), 20)
    moved = np.repeat(single - single.mean(), 3) / 60
    alone = np.var(single, ddof=1) / 20
    assert influence.variance(moved, patients) == pytest.approx(alone)
    assert influence.design_effect(moved, patients) == pytest.approx(3 * (59 / 60) / (19 / 20))
    assert influence.design_effect(np.zeros(60), patients) == 3
    ratio = stats.t.ppf(0.975, 19) / stats.t.ppf(0.975, 59)
    assert influence.t_factor(patients, 0.95) == pytest.approx(ratio**2)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_shares_of_patients_with_equal_cases_are_those_of_fewer_cases(level):
    """15 patients with 2 equal cases each: worth 14 cases, fewer by t; F1 from its exact share."""
    once = called([[5, 2], [3, 5]])
    at = np.repeat(np.arange(15), 2)
    twice = LabelledPredictions(
        tuple(f"c{k}" for k in range(30)), tuple(once.patients[k] for k in at), once.truth[at],
        once.predicted[at], once.probabilities[at], once.classes,
    )  # fmt: skip
    upper = (1 + level) / 2

    def exact(hits, n):
        """Of so many patients."""
        worth = (n - 1) / (stats.t.ppf(upper, n - 1) / stats.t.ppf(upper, 2 * n - 1)) ** 2
        return proportion.proportion_confint(worth * hits / n, worth, 1 - level, "beta"), worth

    found = {metric.name: metric for metric in proportions(twice, level)}
    for name, hits, n in (
        ("accuracy", 10, 15),
        ("sensitivity of RICE", 5, 7),
        ("specificity of RICE", 5, 8),
        ("positive predictive value of recurrence", 5, 7),
    ):
        metric, (ends, worth) = found[name], exact(hits, n)
        assert (metric.value, metric.n) == (pytest.approx(hits / n), 2 * n)
        assert (metric.low, metric.high) == pytest.approx(ends, rel=1e-9)
        assert f"{2 * n} cases of {n} patients count as {worth:.1f}" in metric.method
    ends, _ = exact(5, 10)
    assert confusion_intervals.f1(twice, 0, level) == pytest.approx(
        tuple(2 * j / (1 + j) for j in ends)
    )


def test_the_interval_of_mcc_is_that_of_the_delta_method_with_three_cases_added():
    counts = np.array([[40, 8], [3, 12]])

    def mcc(cells):
        (a, b), (c, d) = np.reshape(cells, (2, 2))
        return (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))

    shares = (counts + 3 / 4).ravel() / (counts.sum() + 3)
    slopes = optimize.approx_fprime(shares, mcc, 1e-7)
    variance = (shares * slopes**2).sum() - (shares @ slopes) ** 2
    reach = stats.t.ppf(0.975, counts.sum() - 1) * np.sqrt(variance / counts.sum())
    expected = (mcc(shares) - reach, mcc(shares) + reach)
    assert confusion_intervals.mcc(called(counts), 0.95) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_an_average_precision_is_a_share_of_as_many_cases_as_have_its_variance(draw, level):
    labelled = draw(2, n=60, per_patient=2, knowledge=0.5)
    area = areas.average_precision(labelled.probabilities[:, 1], labelled.truth == 1)
    summed = area.influence.reshape(30, 2).sum(axis=1)
    variance = 30 * summed.var(ddof=1)
    few = (stats.t.ppf((1 + level) / 2, 29) / stats.norm.ppf((1 + level) / 2)) ** 2
    worth = area.value * (1 - area.value) / (variance * few)
    assert 1 < worth < area.n_in_class
    peer = proportion.proportion_confint(area.value * worth, worth, 1 - level, "beta")
    assert areas.binomial(area, labelled.grouping, level) == pytest.approx(peer)


def test_losses_of_two_patients_have_an_interval_and_those_of_one_have_none():
    p = np.array([0.2, 0.4, 0.3, 0.6])
    losses = Losses.brier(np.array([0, 1, 0, 1]), np.column_stack([1 - p, p]))
    assert losses.interval(Patients(np.zeros(4, dtype=int), 1), 0.95) is None
    assert losses.interval(Patients(np.array([0, 0, 1, 1]), 2), 0.95) is not None


def test_the_score_interval_of_errors_is_wilsons():
    # Probabilities of 0 and 1 cost 1 where they are wrong: the Brier score is a share of errors.
    wrong, n = 4, 30
    truth = (np.arange(n) < wrong).astype(int)
    losses = Losses.brier(truth, np.tile([1.0, 0.0], (n, 1)))
    found = losses.interval(Patients(np.arange(n), n), 0.95)
    z = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))
    peer = proportion.proportion_confint(wrong, n, alpha=2 * stats.norm.sf(z), method="wilson")
    assert found == pytest.approx(peer)


def test_losses_of_three_classes_are_the_metrics(draw):
    labelled = draw(3, n=40)
    metric_set = MetricSet.of(labelled, 0)
    values = dict(zip(metric_set.names, metric_set.values(np.ones((40, 1)))[0], strict=True))
    for name, kind in (("Brier score", Losses.brier), ("log loss", Losses.log)):
        made = kind(labelled.truth, labelled.probabilities)
        assert made.of_class[np.arange(40), labelled.truth].mean() == pytest.approx(values[name])
        low, high = made.interval(labelled.grouping, 0.95)
        assert low < values[name] < high


def test_the_bias_of_reliability_is_the_variance_of_the_bins():
    # Under calibration bin k adds the sum of p (1 - p) over its cases, by its number of cases.
    p = np.repeat([0.12, 0.17, 0.55, 0.83], 10)
    names = tuple(f"{k:02d}" for k in range(40))
    probabilities = np.column_stack([1 - p, p])
    labelled = LabelledPredictions(
        names, names, (p > 0.5).astype(int), (p > 0.5).astype(int), probabilities, "ab"
    )
    made = bands(labelled, (1,), 0.95, 20_000, np.random.default_rng(0))
    spread = p * (1 - p)
    bins = [spread[:20].sum() / 20, spread[20:30].sum() / 10, spread[30:].sum() / 10]
    assert made["Brier reliability"].bias == pytest.approx(sum(bins) / 40, rel=0.03)
    base = spread.sum() / 40**2  # by which the uncertainty is too small
    assert made["Brier uncertainty"].bias == pytest.approx(-base, rel=0.1)
    total = [made[f"Brier {x}"].bias for x in ("reliability", "resolution", "uncertainty")]
    assert total[0] - total[1] + total[2] == pytest.approx(0, abs=5e-4)
