"""Curves against scikit-learn and by hand."""

import dataclasses

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics as reference
from statsmodels.stats.proportion import proportion_confint

from ricenet_v2.evaluation.curves.decision import decision
from ricenet_v2.evaluation.curves.draw import curves_of
from ricenet_v2.evaluation.curves.points import thinned
from ricenet_v2.evaluation.curves.referral import doubts
from ricenet_v2.evaluation.curves.roc_band import band
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.net_benefit import over_none
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.inference.prior import corrected, predicted_classes


def by_name(made, name, class_name=None):
    return [c for c in made.curves if c.name == name and class_name in {None, c.class_name}]


def test_roc_and_precision_recall_are_scikit_learns(draw):
    labelled = draw(2, n=80)
    made = curves_of(labelled, 1)
    own, p = labelled.truth == 1, labelled.probabilities[:, 1]
    (roc,) = by_name(made, "ROC")
    false, true, _ = reference.roc_curve(own, p)
    np.testing.assert_allclose((roc.x, roc.y), (false, true))
    assert all(a <= y <= b for a, y, b in zip(roc.low, roc.y, roc.high, strict=True))
    assert reference.auc(roc.x, roc.y) == pytest.approx(reference.roc_auc_score(own, p))
    (curve,) = by_name(made, "precision-recall")
    precision, recall, _ = reference.precision_recall_curve(own, p)
    np.testing.assert_allclose((curve.x, curve.y), (recall, precision))


def test_every_class_of_several_has_its_curves(draw):
    made = curves_of(draw(3, n=90), 0)
    for name in ("ROC", "precision-recall", "calibration", "decision", "decision difference"):
        assert {curve.class_name for curve in by_name(made, name)} == {"x", "y", "z"}
    assert len(by_name(made, "calibration", "y")[0].x) == 9


def test_calibration_bins_hold_every_case_once(draw):
    labelled = draw(2, n=95)
    curve, flexible = by_name(curves_of(labelled, 1), "calibration")
    assert (curve.series, flexible.series) == ("model", "flexible")
    assert sum(curve.n) == 95
    np.testing.assert_allclose(np.dot(curve.n, curve.y) / 95, (labelled.truth == 1).mean())
    np.testing.assert_allclose(np.dot(curve.n, curve.x) / 95, labelled.probabilities[:, 1].mean())
    assert list(curve.x) == sorted(curve.x)


@pytest.mark.parametrize(("n", "n_bins"), [(9, 1), (19, 1), (20, 2), (39, 3), (250, 10)])
def test_a_calibration_bin_has_ten_cases_or_more(draw, n, n_bins):
    curve, *_ = by_name(curves_of(draw(2, n=n, digits=6), 1), "calibration")
    assert (len(curve.x), sum(curve.n)) == (n_bins, n)


def test_net_benefit_of_a_hand_worked_table(draw):
    labelled = draw(2, n=40)
    curves = {c.series: c for c in by_name(curves_of(labelled, 1), "decision")}
    at = curves["model"].x.index(0.2)
    called, own = labelled.probabilities[:, 1] >= 0.2, labelled.truth == 1
    true, false = (called & own).sum(), (called & ~own).sum()
    assert curves["model"].y[at] == pytest.approx((true - false * 0.25) / 40)
    assert curves["treat all"].y[at] == pytest.approx(own.mean() - (1 - own.mean()) * 0.25)
    assert set(curves["treat none"].y) == {0.0}


def test_gains_are_differences_and_bands_hold_each_point(draw):
    made = curves_of(draw(2, n=40, digits=6), 1)
    curves = {c.series: c for c in by_name(made, "decision")}
    gains = {c.series: c for c in by_name(made, "decision difference")}
    assert (curves["treat all"].low, curves["treat none"].low) == ((), ())
    model, over_none = curves["model"], gains["model minus treat none"]
    assert (model.y, model.low) == (over_none.y, over_none.low)
    over_all = gains["model minus treat all"]
    np.testing.assert_allclose(over_all.y, np.subtract(model.y, curves["treat all"].y))
    for curve in (model, over_all):
        assert all(a <= y <= b for a, y, b in zip(curve.low, curve.y, curve.high, strict=True))


def test_net_benefit_where_nobody_or_everybody_is_called(draw):
    """An interval has a width there too: Wilson's, of the true and of the false calls."""
    labelled = draw(2, n=40)
    p = np.column_stack([np.full(40, 0.5), np.full(40, 0.5)])
    made = curves_of(dataclasses.replace(labelled, probabilities=p), 1)
    curves = {c.series: c for c in made.curves if c.name.startswith("decision")}
    none, every = curves["model"].x.index(0.51), curves["model"].x.index(0.5)
    most = proportion_confint(0, 40, method="wilson")[1]
    ends = [getattr(curves["model"], end)[none] for end in ("low", "y", "high")]
    assert ends == pytest.approx([-most * 0.51 / 0.49, 0, most])
    gained = curves["model minus treat all"]
    assert gained.y[every] == 0
    assert gained.low[every] < 0 < gained.high[every]
    assert curves["model"].y[every] == curves["treat all"].y[every]


def test_intervals_of_the_net_benefit_hold_their_truth():
    """20 % of 92 patients, sensitivity 0.5, specificity 0.95, threshold 0.5."""
    random, n, held = np.random.default_rng(0), 92, 0
    truth = 0.2 * 0.5 - 0.8 * 0.05
    patients = Patients(np.arange(n), n)
    for _ in range(500):
        own = random.random(n) < 0.2
        called = random.random(n) < np.where(own, 0.5, 0.05)
        found = over_none(called, own, 1.0, patients, 0.95)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 500 <= 0.98


def test_too_few_cases_for_a_flexible_curve_are_told(draw):
    labelled = draw(2, n=30)
    few = dataclasses.replace(labelled, truth=(np.arange(30) < 4).astype(int))
    (curve,) = by_name(curves_of(few, 1), "calibration")
    assert "4 patients of the rarer side" in curve.warning


def test_referral_keeps_the_surest(draw):
    members = {fold: draw(2, n=40, seed=fold).probabilities for fold in range(3)}
    labelled = draw(2, n=40, members=members, digits=6)
    curves = {c.series: c for c in by_name(curves_of(labelled, 1), "referral")}
    assert set(curves) == {
        f"{what}, kept by {how}"
        for what in ("accuracy", "macro F1")
        for how in ("entropy", "disagreement")
    }
    curve = curves["accuracy, kept by entropy"]
    sure = np.argsort(-labelled.probabilities.max(axis=1))
    right = (labelled.truth == labelled.predicted)[sure]
    for share, value, n in zip(curve.x, curve.y, curve.n, strict=True):
        assert value == pytest.approx(right[:n].mean())
        assert share == n / 40
    assert curve.x[0] == 1


def test_long_curves_are_thinned_and_keep_their_ends(draw):
    labelled = draw(2, n=3000, digits=8)
    for curve in curves_of(labelled, 1).curves:
        assert len(curve.x) <= 500
    at = thinned(2000)
    assert (at[0], at[-1], len(at)) == (0, 1999, 500)


def test_the_most_doubtful_case_is_one_at_the_prior():
    """Where 10 % are events and calls change there, 0.1 is doubt and 0.5 is a clear call."""
    p = np.array([0.001, 0.1, 0.5, 0.9])
    values, names = np.column_stack([1 - p, p]), ("a", "b", "c", "d")
    truth = np.array([0, 1, 1, 1])
    prior = (0.9, 0.1)
    labelled = LabelledPredictions(
        names, names, truth, predicted_classes(values, prior), values, ("other", "event")
    )
    assert np.argmax(doubts(labelled)["entropy"]) == 2
    balanced = dataclasses.replace(labelled, prior=prior)
    assert np.argmax(doubts(balanced)["entropy"]) == 1
    odds = p / (1 - p) * 9
    expected = stats.entropy([1 / (1 + odds), odds / (1 + odds)])
    np.testing.assert_allclose(doubts(balanced)["entropy"], expected, atol=1e-12)


def test_several_cases_of_a_patient_widen_the_band_of_referral(draw):
    right = np.repeat(np.arange(20) % 4 > 0, 3)  # all cases of a patient, or none
    labelled = draw(2, n=60, per_patient=3, digits=6)
    labelled = dataclasses.replace(
        labelled, predicted=np.where(right, labelled.truth, 1 - labelled.truth)
    )
    single = dataclasses.replace(labelled, patients=labelled.case_ids)
    wide, narrow = (by_name(curves_of(each, 1), "referral")[0] for each in (labelled, single))
    assert wide.high[0] - wide.low[0] > 1.4 * (narrow.high[0] - narrow.low[0])
    assert (wide.y, wide.n) == (narrow.y, narrow.n)


def test_corrected_probabilities_are_never_worse_than_calling_all_or_none():
    """An ideal model of 10 % events, at evenly spaced quantiles of its scores."""
    truth = np.repeat([0, 1], [1800, 200])
    scores = np.r_[
        stats.norm.ppf((np.arange(1800) + 0.5) / 1800),
        1.2 + stats.norm.ppf((np.arange(200) + 0.5) / 200),
    ]
    p = special.expit(1.2 * scores - 0.72)
    as_trained, prior = np.column_stack([1 - p, p]), (0.9, 0.1)
    worst = {}
    for name, values in (
        ("as trained", as_trained),
        ("corrected", corrected(as_trained, (0.5, 0.5), prior)),
    ):
        names = tuple(map(str, range(2000)))
        labelled = LabelledPredictions(
            names, names, truth, predicted_classes(values, prior), values, ("other", "event")
        )
        lines = {curve.series: np.array(curve.y) for curve in decision(labelled, 1, 0.95)}
        others = np.maximum(lines["treat all"], lines["treat none"])
        worst[name] = float((lines["model"] - others).min())
    assert worst["corrected"] > -2e-3
    assert worst["as trained"] < -0.1


def _told_apart(random, distance):
    """30 cases of a class and 60 others, whose scores are normal and so far apart."""
    own = np.arange(90) < 30
    p = special.expit(random.normal(size=90) + distance * own)
    names = tuple(map(str, range(90)))
    called_ = (p > 0.5).astype(np.intp)
    both = np.column_stack([1 - p, p])
    return LabelledPredictions(names, names, own.astype(np.intp), called_, both, ("a", "b"))


def test_the_band_of_a_roc_curve_holds_each_point():
    """The curve of normal scores is known: sensitivity at x is Phi(distance - z of x)."""
    random, at, distance = np.random.default_rng(4), np.array([0.05, 0.2, 0.5]), 1.2
    truth = stats.norm.cdf(distance - stats.norm.isf(at))
    held = np.zeros(3)
    for _ in range(60):
        low, high = band(_told_apart(random, distance), 1, at, 0.95)
        held += (low <= truth) & (truth <= high)
    assert (held >= 55).all()  # of 60 at 95 % fewer are seen once in a hundred


def test_the_band_of_a_faultless_ranking_has_a_width():
    """The sensitivity of 30 of 30 may be 0.886, by Wilson; the threshold is not known either."""
    labelled = _told_apart(np.random.default_rng(0), 40.0)
    (roc,) = by_name(curves_of(labelled, 1), "ROC")
    corner = list(zip(roc.x, roc.y, strict=True)).index((0.0, 1.0))
    least = proportion_confint(30, 30, method="wilson")[0]
    assert roc.low[corner] < least < roc.high[corner] == 1
    low, _ = band(labelled, 1, np.array([0.1]), 0.95)  # 0 of 60 are at most 0.06
    assert low == pytest.approx(least)
