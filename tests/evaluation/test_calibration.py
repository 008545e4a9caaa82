"""Calibration against statsmodels and scipy."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special, stats
from sklearn import metrics as reference

from ricenet_v2.evaluation import calibration
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.inference.temperature import scaled


@pytest.mark.parametrize("per_patient", [1, 3])
def test_slope_and_intercept_are_those_of_statsmodels(draw, per_patient):
    labelled = draw(2, n=120, per_patient=per_patient, knowledge=1.0, digits=4)
    slope, intercept = calibration.slope_and_intercept(labelled, 1, 0.95)
    p = labelled.probabilities[:, 1]
    odds = np.log(p / (1 - p))
    groups = labelled.grouping.owner
    common = {"cov_type": "cluster", "cov_kwds": {"groups": groups, "use_correction": False}}
    g = len(set(groups))
    family = sm.families.Binomial()
    fit = sm.GLM(labelled.truth, sm.add_constant(odds), family).fit(**common)
    assert slope.value == pytest.approx(fit.params[1])
    # t for the number of patients of the rarer side.
    few = min(len(set(groups[labelled.truth == side])) for side in (0, 1))
    quantile = stats.t.ppf(0.975, few - 1)
    width = 2 * quantile * fit.bse[1] * np.sqrt(g / (g - 1))
    assert slope.high - slope.low == pytest.approx(width, rel=1e-5)
    fit = sm.GLM(labelled.truth, np.ones(120), family, offset=odds).fit(**common)
    assert intercept.value == pytest.approx(fit.params[0])
    width = 2 * quantile * fit.bse[0] * np.sqrt(g / (g - 1))
    assert intercept.high - intercept.low == pytest.approx(width, rel=1e-5)


def test_separated_classes_have_no_slope(draw):
    slope, _ = calibration.slope_and_intercept(draw(2, n=20, knowledge=50), 1, 0.95)
    assert (slope.value, slope.low) == (None, None)
    assert "separated" in slope.warning


def test_equal_probabilities_have_no_slope_though_rounding_tells_them_apart(draw):
    labelled = draw(2, n=20)
    p = np.full(20, 0.3) + np.spacing(0.3) * (np.arange(20) % 3)
    alike = dataclasses.replace(labelled, probabilities=np.column_stack([1 - p, p]))
    slope, intercept = calibration.slope_and_intercept(alike, 1, 0.95)
    assert slope.value is None
    assert intercept.value is not None


@pytest.mark.parametrize("per_patient", [1, 2])
def test_the_temperature_of_corrected_probabilities_is_that_of_statsmodels(draw, per_patient):
    """Log odds of equally frequent classes, with the log odds of the prior as offset."""
    labelled = draw(2, n=200, per_patient=per_patient, digits=6)
    shares = np.tile([0.8, 0.2], (200, 1))
    odds = np.log(labelled.probabilities[:, 1] / labelled.probabilities[:, 0])
    offset = np.full(200, np.log(0.2 / 0.8))
    p = 1 / (1 + np.exp(-odds - offset))
    found = calibration.fit_temperature(
        labelled.truth, np.column_stack([1 - p, p]), labelled.grouping, prior=shares
    )
    groups = {"groups": labelled.grouping.owner, "use_correction": False}
    fit = sm.GLM(labelled.truth, odds, sm.families.Binomial(), offset=offset).fit(
        cov_type="cluster", cov_kwds=groups
    )
    assert 1 / found.value == pytest.approx(fit.params[0])
    g = labelled.grouping.count
    deviation = fit.bse[0] / fit.params[0] * np.sqrt(g / (g - 1))
    assert np.log(found.high / found.value) == pytest.approx(1.959964 * deviation, rel=1e-5)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("sharper", [0.4, 1.0, 3.0])
def test_temperature_is_that_of_highest_likelihood(draw, n_classes, sharper):
    labelled = draw(n_classes, n=300, digits=6)
    p = scaled(labelled.probabilities, 1 / sharper)
    found = calibration.fit_temperature(labelled.truth, p, labelled.grouping)

    def loss(log_temperature):
        sharp = scaled(p, np.exp(log_temperature))
        return reference.log_loss(labelled.truth, sharp, labels=range(n_classes))

    peer = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9})
    assert found.value == pytest.approx(np.exp(peer.x), rel=1e-4)
    assert found.low < found.value < found.high


def test_interval_of_the_temperature_is_that_of_statsmodels(draw):
    labelled = draw(2, n=200, per_patient=2, digits=6)
    p = scaled(labelled.probabilities, 0.5)
    found = calibration.fit_temperature(labelled.truth, p, labelled.grouping)
    odds = np.log(p[:, 1] / p[:, 0])
    groups = {"groups": labelled.grouping.owner, "use_correction": False}
    fit = sm.GLM(labelled.truth, odds, sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds=groups
    )
    assert 1 / found.value == pytest.approx(fit.params[0])
    deviation = fit.bse[0] / fit.params[0] * np.sqrt(100 / 99)
    assert np.log(found.high / found.value) == pytest.approx(1.959964 * deviation, rel=1e-5)


@pytest.mark.parametrize(("said", "right", "n"), [(0.1, 22, 40), (0.5, 3, 5), (2.0, 600, 800)])
def test_the_temperature_of_equal_predictions_is_a_ratio_of_log_odds(said, right, n):
    """Log odds of 0.1, of which 22 in 40 are right: those of 22 to 18 are twice as large."""
    p = special.expit(said)
    truth = np.r_[np.ones(right, dtype=int), np.zeros(n - right, dtype=int)]
    patients = Patients.of([str(case) for case in range(n)])
    found = calibration.fit_temperature(truth, np.tile([1 - p, p], (n, 1)), patients)
    assert found.value == pytest.approx(said / np.log(right / (n - right)), rel=1e-9)


def test_coverage_of_the_temperature():
    """Probabilities that are twice too sharp: the interval holds 2 in 93 to 97 % of the cohorts."""
    random, held, trials = np.random.default_rng(0), 0, 2000
    patients = Patients.of([f"{i:03d}" for i in range(150)])
    for _ in range(trials):
        logits = random.normal(0, 1.2, 150)
        truth = (random.random(150) < 1 / (1 + np.exp(-logits))).astype(int)
        p = 1 / (1 + np.exp(-2 * logits))
        found = calibration.fit_temperature(truth, np.column_stack([1 - p, p]), patients)
        held += found.low is not None and found.low <= 2 <= found.high
    assert 0.93 <= held / trials <= 0.97


def test_a_perfect_model_meets_the_limit(draw):
    labelled = draw(2, n=30, knowledge=50)
    found = calibration.fit_temperature(labelled.truth, labelled.probabilities, labelled.grouping)
    assert found.met_limit
    assert found.low is None


def test_temperature_1_changes_nothing_and_no_call_changes(draw):
    p = draw(3).probabilities
    np.testing.assert_allclose(scaled(p, 1.0), p)
    assert (scaled(p, 3.0).argmax(axis=1) == p.argmax(axis=1)).all()


def test_probabilities_that_are_all_alike_have_no_slope(draw):
    """Nearly 1 for every case: cut to a millionth from 1 they are one number."""
    labelled = draw(2, n=4)
    p = np.array([1 - 1e-10, 1 - 1e-12, 1 - 1e-7, 1 - 1e-9])
    labelled = dataclasses.replace(labelled, probabilities=np.column_stack([1 - p, p]))
    slope, intercept = calibration.slope_and_intercept(labelled, 1, 0.95)
    assert (slope.value, slope.low) == (None, None)
    assert intercept.value is not None


def test_an_interval_that_the_probabilities_do_not_determine_is_not_given():
    random = np.random.default_rng(0)
    p = 0.6 + 1e-6 * random.normal(size=20)
    truth = random.integers(0, 2, 20)
    found = calibration.fit_temperature(truth, np.column_stack([1 - p, p]), Patients.of(range(20)))
    assert (found.met_limit, found.low, found.high) == (False, None, None)


def test_a_slope_of_probabilities_that_hardly_differ_has_no_interval(draw):
    labelled = draw(2, n=40)
    p = labelled.probabilities[:, 1]
    logits = np.log(p / (1 - p))
    p = 1 / (1 + np.exp(-0.02 * (logits - logits.mean())))
    few = dataclasses.replace(labelled, probabilities=np.column_stack([1 - p, p]))
    slope = calibration.slope_and_intercept(few, 1, 0.95)[0]
    assert (slope.low, slope.high) == (None, None)
    assert "hardly differ" in slope.warning
