"""Forms of calibration against scipy on their own parametrisation; which one is chosen."""

import numpy as np
import pytest
from scipy import optimize, special

from ricenet_v2.evaluation import calibration_forms as forms
from ricenet_v2.evaluation.sufficient_statistics import log_loss_of
from ricenet_v2.inference.recalibration import recalibrated
from ricenet_v2.records.prior import Recalibration


def drawn(n, slope=1.0, offset=0.0, seed=0, share=0.3, per_patient=1):
    """Cases whose log odds are right once multiplied by the slope and moved by the offset."""
    random = np.random.default_rng(seed)
    odds = random.normal(special.logit(share), 1.3, n)
    truth = (random.random(n) < special.expit(odds)).astype(np.intp)
    p = special.expit((odds - offset) / slope)
    patients = tuple(f"p{i // per_patient:04d}" for i in range(n))
    folds = np.arange(n) // per_patient % 5
    return forms.Cases(truth, np.column_stack([1 - p, p]), patients, folds)


def loss_of(cases, by):
    return log_loss_of(cases.truth, cases.by(by)).mean()


def test_a_prior_is_taken_out_before_the_fit_and_put_in_after_it():
    """Balanced log odds that are twice too large: of corrected probabilities it is the slope."""
    random = np.random.default_rng(5)
    truth = (np.arange(4000) < 800).astype(np.intp)
    balanced = 1.2 * random.normal(size=4000) + 1.44 * truth - 0.72  # log odds of normal scores
    p = special.expit(2 * balanced + special.logit(0.2))
    probabilities = np.column_stack([1 - p, p])
    names, folds = tuple(map(str, range(4000))), random.permutation(4000) % 5
    cases = forms.Cases(truth, probabilities, names, folds, np.tile([0.8, 0.2], (4000, 1)))
    for form in ("temperature", "slope and offset"):
        by = forms.fit(form, cases)
        assert by.slope == pytest.approx(0.5, abs=0.06)
        right = special.expit(balanced + special.logit(0.2))
        np.testing.assert_allclose(cases.by(by)[:, 1], right, atol=0.06)


def test_slope_and_offset_of_two_classes_are_those_of_a_penalised_logistic_regression():
    """In one offset of the log odds, d = 2 b, whose penalty is that of b and -b together."""
    cases = drawn(120, slope=0.5, offset=-0.8)
    odds = special.logit(cases.probabilities[:, 1])

    def penalised(values):
        slope, d = values
        signs = 2 * cases.truth - 1
        losses = np.logaddexp(0, -signs * (slope * odds + d)).sum()
        far = ((slope - 1) / forms.SPREAD_OF_SLOPE) ** 2
        return losses + far / 2 + 2 * (d / 2 / forms.SPREAD_OF_OFFSETS) ** 2 / 2

    peer = optimize.minimize(
        penalised, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    found = forms.fit_slope_and_offsets(cases.truth, cases.probabilities)
    assert found.slope == pytest.approx(peer.x[0], abs=1e-5)
    assert found.offsets[1] - found.offsets[0] == pytest.approx(peer.x[1], abs=1e-5)
    assert sum(found.offsets) == pytest.approx(0, abs=1e-6)


def test_offsets_of_three_classes_find_the_shares_of_many_cases():
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, (20_000, 3))
    right = special.softmax(1.4 * logits + [0.6, 0.0, -0.6], axis=1)
    truth = (random.random(20_000)[:, None] > right.cumsum(axis=1)).sum(axis=1)
    found = forms.fit_slope_and_offsets(truth, special.softmax(logits, axis=1))
    assert found.slope == pytest.approx(1.4, abs=0.05)
    assert found.offsets == pytest.approx((0.6, 0.0, -0.6), abs=0.06)


def test_few_cases_say_little_and_separated_ones_have_a_maximum():
    sure = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5)
    found = forms.fit_slope_and_offsets(np.repeat([0, 1], 5), sure)
    assert 1 < found.slope < 2
    assert found.offsets == pytest.approx((0, 0), abs=1e-6)


@pytest.mark.parametrize(("slope", "offset"), [(0.5, 0.0), (0.5, -1.2), (1.0, -1.5)])
def test_what_is_wrong_is_found(slope, offset):
    cases = drawn(2000, slope=slope, offset=offset, share=0.5)
    choice = forms.choose(cases)
    by = forms.fit(choice.form, cases)
    assert by.slope == pytest.approx(slope, abs=0.1)
    moved = by.offsets[1] - by.offsets[0] if by.offsets else 0
    assert moved == pytest.approx(offset, abs=0.2)
    assert loss_of(cases, by) < loss_of(cases, None)


def test_probabilities_that_are_right_are_mostly_left_alone():
    """The average cost, and what a model twice too sure gains, each on many other cases."""
    other = {name: drawn(5000, slope, seed=99) for name, slope in (("right", 1.0), ("sure", 0.5))}
    gains = {}
    for name, slope in (("right", 1.0), ("sure", 0.5)):
        found = []
        for seed in range(20):
            cases = drawn(92, slope, seed=seed)
            by = forms.fit(forms.choose(cases).form, cases)
            found.append(loss_of(other[name], None) - loss_of(other[name], by))
        gains[name] = np.mean(found)
    assert gains["right"] > -0.005
    assert gains["sure"] > 0.03


def test_too_few_of_a_class_leave_the_probabilities_alone():
    cases = drawn(400, slope=0.3, share=0.5)
    rare = np.flatnonzero(cases.truth == 1)[4:]
    few = cases.part(~np.isin(np.arange(400), rare))
    choice = forms.choose(few)
    assert choice.form == "nothing"
    assert [each.log_loss is None for each in choice.trials] == [False, True, True]
    n = len(few.truth)
    assert [each.cases_needed for each in choice.trials] == [0, *[int(np.ceil(5 * n / 4))] * 2]
    assert "4 cases of the rarest class" in choice.trials[1].reason


def test_each_fold_is_judged_by_what_was_fitted_on_the_others():
    cases = drawn(100, slope=0.5)
    made = forms.held_out("slope and offset", cases, forms.parts_of(cases))
    for fold in range(5):
        there = cases.folds == fold
        by = forms.fit_slope_and_offsets(cases.truth[~there], cases.probabilities[~there])
        np.testing.assert_allclose(made[there], recalibrated(cases.probabilities[there], by))


def test_patients_of_several_folds_are_shared_out_whole():
    cases = drawn(90, per_patient=3)
    mixed = forms.Cases(cases.truth, cases.probabilities, cases.patients, np.arange(90) % 5)
    assert forms.parts_of(cases) is cases.folds
    parts = forms.parts_of(mixed)
    assert len(np.unique(parts)) == 5
    for name in set(mixed.patients):
        assert len(set(parts[[one == name for one in mixed.patients]])) == 1


def test_a_temperature_without_a_maximum_changes_nothing():
    cases = drawn(60)
    sure = np.eye(2)[cases.truth] * 0.8 + 0.1
    right = forms.Cases(cases.truth, sure, cases.patients, cases.folds)
    assert forms.fit("temperature", right) is None
    assert forms.fit("nothing", right) is None
    assert isinstance(forms.fit("slope and offset", right), Recalibration)
