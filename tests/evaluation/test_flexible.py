"""The flexible calibration curve against splines of scipy and fits of statsmodels."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit

from ricenet_v2.evaluation.calibration_indices import calibration_indices
from ricenet_v2.evaluation.curves.flexible import flexible_curve
from ricenet_v2.evaluation.flexible import CURVE, LINE, Basis, flexible
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions


def cohort(n, seed=0, slope=1.0, per_patient=1, base=0.0):
    random = np.random.default_rng(seed)
    odds = random.normal(base, 1.5, n)
    truth = (random.random(n) < expit(slope * odds)).astype(int)
    p = expit(odds)
    both = np.column_stack([1 - p, p])
    cases = tuple(f"c{i:04d}" for i in range(n))
    patients = tuple(f"p{i // per_patient:04d}" for i in range(n))
    return LabelledPredictions(cases, patients, truth, both.argmax(axis=1), both, ("a", "b"))


def natural(x, knots):
    """Cardinal natural cubic splines of scipy, straight on beyond the outer knots."""
    columns = []
    for values in np.eye(len(knots)):
        spline = CubicSpline(knots, values, bc_type="natural")
        inside = np.clip(x, knots[0], knots[-1])
        columns.append(spline(inside) + spline(inside, 1) * (x - inside))
    return np.column_stack(columns)


@pytest.mark.parametrize("per_patient", [1, 3])
def test_it_is_a_natural_spline_fitted_by_statsmodels(per_patient):
    labelled = cohort(240, per_patient=per_patient, slope=0.5)
    p = labelled.probabilities[:, 1]
    odds = logit(p)
    design = natural(odds, np.quantile(odds, [0.1, 0.5, 0.9]))
    groups = labelled.grouping.owner
    # Of statsmodels' correction only the part of the number of patients is used here.
    factor = (len(p) - 3) / (len(p) - 1)
    model = sm.Logit(labelled.truth, design)
    reference = model.fit(disp=0, cov_type="cluster", cov_kwds={"groups": groups})
    fit, at = flexible(labelled, 1), np.linspace(0.05, 0.95, 7)
    assert fit.method == CURVE
    rows = natural(logit(at), np.quantile(odds, [0.1, 0.5, 0.9]))
    middle = rows @ reference.params
    np.testing.assert_allclose(fit.at(at), expit(middle), atol=1e-6)
    variances = [
        np.einsum("ij,jk,ik->i", rows, covariance, rows)
        for covariance in (reference.cov_params() * factor, model.fit(disp=0).cov_params())
    ]
    reach = stats.norm.ppf(0.975) * np.sqrt(np.maximum(*variances))
    low, high = fit.band(at, 0.95)
    np.testing.assert_allclose(low, expit(middle - reach), atol=1e-5)
    np.testing.assert_allclose(high, expit(middle + reach), atol=1e-5)
    # By hand (Austin and Steyerberg 2019).
    distances = np.abs(expit(design @ reference.params) - p)
    values = [one.value for one in calibration_indices(labelled, 1, 0)]
    expected = distances.mean(), np.median(distances), np.quantile(distances, 0.9)
    np.testing.assert_allclose(values, expected, atol=1e-6)


def rarer_of(n_own, n=120):
    """A cohort with so many cases of the class, which tell nothing of it."""
    labelled = cohort(n)
    return dataclasses.replace(
        labelled,
        truth=(np.argsort(np.argsort(np.random.default_rng(1).random(n))) < n_own).astype(int),
    )


@pytest.mark.parametrize(
    ("n_own", "method"), [(0, None), (9, None), (10, LINE), (19, LINE), (20, CURVE), (111, None)]
)
def test_how_many_cases_a_curve_takes(n_own, method):
    labelled = rarer_of(n_own)
    found, curve = flexible(labelled, 1), flexible_curve(labelled, 1, 0.95)
    metrics = calibration_indices(labelled, 1, 0)
    if method is None:
        assert f"{min(n_own, 120 - n_own)} patients of the rarer side" in found
        assert curve == found
        assert {(one.value, one.warning) for one in metrics} == {(None, found)}
        return
    assert found.method == method
    assert curve.series == ("flexible" if method == CURVE else "linear on the log odds")
    assert "200 are recommended" in curve.warning
    assert all(low < y < high for low, y, high in zip(curve.low, curve.y, curve.high, strict=True))
    p = labelled.probabilities[:, 1]
    assert (curve.x[0], curve.x[-1]) == (p.min(), p.max())


def test_patients_count_not_cases():
    labelled = rarer_of(30)
    patients = np.where(labelled.truth == 1, "one", np.array(labelled.case_ids))
    clustered = dataclasses.replace(labelled, patients=tuple(map(str, patients)))
    assert "1 patient of the rarer side" in flexible(clustered, 1)


def test_many_cases_carry_no_warning():
    assert flexible_curve(cohort(600), 1, 0.95).warning == ""


def test_probabilities_without_a_curve():
    labelled = cohort(120)
    alike = dataclasses.replace(labelled, probabilities=np.full((120, 2), 0.5))
    assert "all probabilities are the same" in flexible(alike, 1)
    ends = np.eye(2)[labelled.truth]  # exactly 0 and 1, and right
    assert "separate" in flexible(dataclasses.replace(labelled, probabilities=ends), 1)


def test_exactly_0_and_1_among_others_is_finite():
    labelled = cohort(200)
    p = labelled.probabilities[:, 1].copy()
    p[:5], p[5:10] = 0.0, 1.0
    labelled = dataclasses.replace(labelled, probabilities=np.column_stack([1 - p, p]))
    curve = flexible_curve(labelled, 1, 0.95)
    assert (curve.x[0], curve.x[-1]) == (0, 1)
    assert np.isfinite([curve.y, curve.low, curve.high]).all()


def test_equal_knots_make_a_straight_line():
    p = np.repeat([0.2, 0.6], [90, 30])
    assert Basis.of(p, bent=True).knots == ()
    assert Basis.of(np.linspace(0.1, 0.9, 50), bent=True).knots != ()


def test_a_curve_sees_what_is_bent():
    """Probabilities that are right below a half and say nothing above: no slope shows that."""
    random, n = np.random.default_rng(3), 4000
    p = random.random(n)
    truth = (random.random(n) < np.minimum(p, 0.5)).astype(int)
    labelled = dataclasses.replace(
        cohort(n), truth=truth, probabilities=np.column_stack([1 - p, p])
    )
    fit = flexible(labelled, 1)
    np.testing.assert_allclose(fit.at(np.array([0.2, 0.4])), [0.2, 0.4], atol=0.06)
    np.testing.assert_allclose(fit.at(np.array([0.9])), [0.5], atol=0.06)


def test_what_chance_would_show_is_told_instead_of_an_interval():
    right, wrong = (calibration_indices(cohort(400, slope=slope), 1, 0) for slope in (1.0, 0.2))
    for metric in (*right, *wrong):
        assert (metric.low, metric.high) == (None, None)
        assert "for a calibrated model" in metric.method
    bound = [float(one.method.split("below ")[1].split()[0]) for one in (right[0], wrong[0])]
    assert right[0].value < bound[0]
    assert wrong[0].value > 2 * bound[1]
    assert calibration_indices(cohort(400), 1, 0) == calibration_indices(cohort(400), 1, 0)


def test_chance_is_what_refits_show():
    """The mean that is told against fits one by one to truths that are drawn here."""
    labelled, random = cohort(150), np.random.default_rng(9)
    p, values = labelled.probabilities[:, 1], []
    for _ in range(150):
        drawn = dataclasses.replace(labelled, truth=(random.random(150) < p).astype(int))
        values.append(np.abs(flexible(drawn, 1).at(p) - p).mean())
    told = float(
        calibration_indices(labelled, 1, 0)[0].method.split("calibrated model ")[1].split()[0]
    )
    assert told == pytest.approx(np.mean(values), rel=0.15)


def test_each_class_of_several(draw):
    labelled = draw(3, n=150, digits=6)
    names = [one.name for one in calibration_indices(labelled, 0, 0)]
    assert names == [f"{what} of {name}" for name in "xyz" for what in ("ICI", "E50", "E90")]
