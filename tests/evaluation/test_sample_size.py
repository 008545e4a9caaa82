"""Riley's criteria against worked examples of pmsampsize and pmvalsampsize, and by simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from ricenet_v2.evaluation import sample_size as riley

Z = 1.96


def test_heart_valve_failure():
    """Prevalence 0.018, C statistic 0.8: the example of Riley et al. 2021 in pmvalsampsize.

    Its slope rests on a million random numbers: 4544 of its version in Python, 4563 in R.
    """
    assert math.ceil(riley.n_observed_expected(0.018, 0.051)) == 20975
    width_1 = riley.n_observed_expected(0.018, riley.se_of_ratio(1, Z))
    assert width_1 == pytest.approx(905, abs=0.5)
    assert math.ceil(riley.n_auroc(0.018, 0.8, 0.1 / (2 * Z))) == 4252
    se = 0.2 / (2 * Z)
    published = riley.n_slope(riley.LogOdds.normal(-5, 2.5), se)
    assert 4544 <= published <= 4563
    of_auroc = riley.LogOdds.calibrated(0.018, 0.8)
    assert riley.n_slope(of_auroc, se) == pytest.approx(17080, rel=0.005)
    assert of_auroc.points[:80].mean() == pytest.approx(-4.7, abs=0.01)


@pytest.mark.parametrize(
    ("parameters", "r2", "prevalence", "expected"),
    [(24, 0.288, 0.174, (623, 662, 221)), (30, 0.1845, 0.47, (1308, 709, 383))],
)
def test_development(parameters, r2, prevalence, expected):
    """The example of Riley et al. 2020 in pmsampsize, and a printed output of its R version."""
    optimism = riley.shrinkage_of_optimism(r2, prevalence)
    found = (
        riley.n_shrinkage(parameters, r2),
        riley.n_shrinkage(parameters, r2, optimism),
        riley.n_overall_risk(prevalence, 0.05, Z),
    )
    assert tuple(map(math.ceil, found)) == expected
    if parameters == 30:
        assert optimism == pytest.approx(0.831, abs=5e-4)
        assert riley.most_r_squared(prevalence) == pytest.approx(0.749, abs=5e-4)


def test_r_squared_of_an_auroc_is_that_of_a_fitted_model():
    random, n = np.random.default_rng(0), 200_000
    truth = random.random(n) < 0.174
    x = random.normal(size=n) + truth * math.sqrt(2) * stats.norm.ppf(0.89)
    fit = sm.Logit(truth, sm.add_constant(x)).fit(disp=0)
    expected = 1 - math.exp(-2 * (fit.llf - fit.llnull) / n)
    odds = riley.LogOdds.calibrated(0.174, 0.89)
    assert riley.r_squared(odds, 0.174) == pytest.approx(expected, abs=0.003)


def test_the_slopes_error_is_that_of_a_fitted_model():
    random, n = np.random.default_rng(1), 100_000
    odds = random.normal(-1, 1.5, n)
    truth = random.random(n) < 1 / (1 + np.exp(-odds))
    fit = sm.Logit(truth, sm.add_constant(odds)).fit(disp=0)
    assert riley.se_slope(n, riley.LogOdds.normal(-1, 1.5)) == pytest.approx(fit.bse[1], rel=0.02)


def test_the_error_of_the_net_benefit_is_that_of_drawn_tables():
    prevalence, sensitivity, specificity, threshold, n = 0.3, 0.7, 0.8, 0.2, 400
    shares = [prevalence * sensitivity, (1 - prevalence) * (1 - specificity)]
    missed = prevalence * (1 - sensitivity)
    drawn = np.random.default_rng(2).multinomial(
        n, [*shares, missed, 1 - sum(shares) - missed], 40_000
    )
    true, false, lost = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    benefit = (true - false * threshold / (1 - threshold)) / (true + lost)
    found = riley.se_net_benefit(n, prevalence, sensitivity, specificity, threshold)
    assert found == pytest.approx(benefit.std(), rel=0.02)
    args = (prevalence, sensitivity, specificity, threshold)
    assert riley.n_net_benefit(*args, found) == pytest.approx(n)


def test_numbers_undo_errors():
    odds = riley.LogOdds.calibrated(0.2, 0.7)
    for n in (30, 92, 1000):
        assert riley.n_auroc(0.2, 0.7, riley.se_auroc(n, 0.2, 0.7)) == pytest.approx(n)
        assert riley.n_slope(odds, riley.se_slope(n, odds)) == pytest.approx(n)
        back = riley.n_observed_expected(0.2, riley.se_observed_expected(n, 0.2))
        assert back == pytest.approx(n)
