"""Ensembles whose folds have different priors, older ones, calibrated ones, votes."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.inference.combining import combine_members
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.test_time_augmentation import with_log_odds
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prior import Prior

GOLDEN = Path(__file__).parents[1] / "records" / "golden" / "calibration_1.json"
PRIORS = {0: Prior((0.5, 0.5), (80, 20)), 3: Prior((0.5, 0.5), (90, 10))}
OUTPUTS = {0: np.array([0.6, 0.4]), 3: np.array([0.3, 0.7])}
SLOPE_AND_OFFSET = Calibration(
    1 / 0.8, None, None, 100, 100, "", {}, (), (), form="slope and offset", slope=0.8,
    offsets=(0.2, -0.2), classes=("a", "b"), prior=(0.85, 0.15),
)  # fmt: skip


def moved(p: float, *log_odds: float) -> float:
    return float(special.expit(special.logit(p) + sum(log_odds)))


def test_each_member_is_corrected_by_the_prior_of_its_fold():
    odds = Odds.of(PRIORS, balance="sampler")
    made = odds.combined(OUTPUTS, "mean")
    expected = [moved(0.4, special.logit(0.2)), moved(0.7, special.logit(0.1))]
    np.testing.assert_allclose(made.members[:, 1], expected)
    assert made.probabilities[1] == pytest.approx(np.mean(expected))
    assert odds.prior == pytest.approx((0.85, 0.15))
    assert (odds.rule, odds.warnings) == ("balanced", ())
    # 0.17 is above the prior of 0.15, one of the members is above its prior.
    assert (made.predicted, made.agreement) == (1, 0.5)


def test_the_rule_of_the_most_probable_class_calls_the_rare_one_less_often():
    made = Odds.of(PRIORS, balance="sampler", decide="probable").combined(OUTPUTS, "mean")
    assert (made.predicted, made.agreement) == (0, 1.0)


def test_a_named_prior_is_that_of_all_members():
    odds = Odds.of(PRIORS, balance="sampler", named=(0.6, 0.4))
    made = odds.combined(OUTPUTS, "mean")
    expected = [moved(p, special.logit(0.4)) for p in (0.4, 0.7)]
    np.testing.assert_allclose(made.members[:, 1], expected)
    assert odds.prior == pytest.approx((0.6, 0.4))


@pytest.mark.parametrize("calibration", [None, SLOPE_AND_OFFSET])
def test_naming_the_prior_of_training_changes_nothing(calibration):
    alike = {0: PRIORS[0], 3: PRIORS[0]}
    plain = Odds.of(alike, balance="sampler", calibration=calibration)
    named = Odds.of(alike, balance="sampler", calibration=calibration, named=(0.8, 0.2))
    before, after = (odds.combined(OUTPUTS, "mean") for odds in (plain, named))
    np.testing.assert_allclose(after.members, before.members)
    assert (after.predicted, after.agreement) == (before.predicted, before.agreement)


def test_the_call_of_a_network_does_not_change_with_the_prior():
    outputs = {0: np.array([0.49, 0.51])}
    for named in ((), (0.99, 0.01), (0.01, 0.99)):
        odds = Odds.of({0: PRIORS[0]}, balance="sampler", named=named)
        assert odds.combined(outputs, "mean").predicted == 1


def test_votes_count_the_calls_of_members():
    outputs = {**OUTPUTS, 4: np.array([0.4, 0.6])}
    priors = {**PRIORS, 4: Prior((0.5, 0.5), (70, 30))}
    made = Odds.of(priors, balance="sampler").combined(outputs, "vote")
    np.testing.assert_allclose(made.probabilities, [1 / 3, 2 / 3])
    assert (made.predicted, made.agreement) == (1, pytest.approx(2 / 3))


def test_a_tie_of_votes_goes_to_the_leader_of_the_higher_mean():
    """Two votes for a, two for b, one for c: b has a higher mean than a, and c than both."""
    members = np.array(
        [
            [0.40, 0.25, 0.35],
            [0.40, 0.25, 0.35],
            [0.14, 0.45, 0.41],
            [0.14, 0.45, 0.41],
            [0.02, 0.02, 0.96],
        ]
    )
    predicted, shares = combine_members(members, "vote")
    np.testing.assert_allclose(members.mean(axis=0), [0.220, 0.284, 0.496])
    assert predicted == 1
    np.testing.assert_allclose(shares, [0.4, 0.4, 0.2])
    turned, _ = combine_members(members[:, [1, 0, 2]], "vote")
    assert turned == 0


def test_a_tie_of_votes_is_judged_by_the_prior_as_the_mean_is():
    """One vote each; the mean of 0.3 calls a class whose share is 0.2, unless by the largest."""
    members, prior = np.array([[0.85, 0.15], [0.55, 0.45]]), (0.8, 0.2)
    assert combine_members(members, "vote", prior)[0] == 1
    assert combine_members(members, "vote", prior, "probable")[0] == 0


@pytest.mark.parametrize(("named", "shares"), [((), (0.2, 0.1)), ((0.6, 0.4), (0.4, 0.4))])
def test_a_calibration_is_of_what_the_images_say_and_the_prior_is_added(named, shares):
    odds = Odds.of(PRIORS, balance="sampler", calibration=SLOPE_AND_OFFSET, named=named)
    found = odds.combined(OUTPUTS, "mean").members[:, 1]
    for p, share, value in zip((0.4, 0.7), shares, found, strict=True):
        expected = 0.8 * special.logit(p) - 0.4 + special.logit(share)
        assert value == pytest.approx(special.expit(expected))
    assert odds.prior == pytest.approx(named or (0.85, 0.15))


def test_a_temperature_changes_no_call_of_a_network():
    calibration = dataclasses.replace(SLOPE_AND_OFFSET, form="temperature", temperature=3.0)
    odds = Odds.of({0: PRIORS[0]}, balance="sampler", calibration=calibration)
    calls = [odds.combined({0: np.array([1 - p, p])}, "mean").predicted for p in (0.49, 0.51)]
    assert calls == [0, 1]


def test_an_older_model_is_left_as_it_is_and_says_so(caplog):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        odds = Odds.of({0: None, 3: PRIORS[3]}, balance="sampler")
    assert "checkpoint of fold 0 does not say" in caplog.text
    assert odds.warnings[0] in caplog.text
    made = odds.combined(OUTPUTS, "mean")
    np.testing.assert_array_equal(made.members, np.stack(list(OUTPUTS.values())))
    assert (made.predicted, odds.prior, odds.rule, odds.recorded) == (1, (), None, ())
    assert odds.described == []


def test_a_prior_can_be_named_for_an_older_model_whose_plan_balances():
    odds = Odds.of({0: None, 3: None}, balance="loss", named=(0.8, 0.2))
    expected = [moved(p, special.logit(0.2)) for p in (0.4, 0.7)]
    np.testing.assert_allclose(odds.combined(OUTPUTS, "mean").members[:, 1], expected)
    assert "equally frequent ones are assumed" in odds.warnings[0]
    with pytest.raises(CheckpointError, match="how frequent the classes were"):
        Odds.of({0: None}, balance="none", named=(0.8, 0.2))


def test_an_older_calibration_divides_the_logits_of_an_older_model():
    calibration = documents.read(Calibration, GOLDEN)
    odds = Odds.of({0: None, 3: None}, balance="sampler", calibration=calibration)
    expected = [special.expit(special.logit(p) / 1.5) for p in (0.4, 0.7)]
    np.testing.assert_allclose(odds.combined(OUTPUTS, "mean").members[:, 1], expected)
    with pytest.raises(CheckpointError, match="other probabilities"):
        Odds.of(PRIORS, balance="sampler", calibration=calibration)
    with pytest.raises(CheckpointError, match="other probabilities"):
        Odds.of({0: None}, balance="sampler", calibration=SLOPE_AND_OFFSET)
    with pytest.raises(CheckpointError, match="for another prior"):
        Odds.of({0: None}, balance="sampler", calibration=calibration, named=(0.8, 0.2))


def test_the_calls_of_an_older_model_are_kept_by_a_calibration_with_offsets():
    older = dataclasses.replace(SLOPE_AND_OFFSET, prior=(), offsets=(1.0, -1.0))
    odds = Odds.of({0: None, 3: None}, balance="sampler", calibration=older)
    outputs = {0: np.array([0.45, 0.55]), 3: np.array([0.45, 0.55])}
    made = odds.combined(outputs, "mean")
    assert made.probabilities[1] == pytest.approx(special.expit(0.8 * special.logit(0.55) - 2))
    assert (made.predicted, made.agreement) == (1, 1.0)
    for how in ("mean", "vote"):
        assert odds.combined({**outputs, 3: np.array([0.8, 0.2])}, how).predicted == 0
    probable = dataclasses.replace(odds, decide="probable")
    assert (probable.combined(outputs, "mean").predicted, probable.rule) == (0, "probable")
    assert odds.rule is None


def test_a_calibration_of_nothing_changes_nothing():
    nothing = dataclasses.replace(SLOPE_AND_OFFSET, form="nothing", slope=1.0, offsets=())
    made, plain = (
        Odds.of(PRIORS, balance="sampler", calibration=nothing),
        Odds.of(PRIORS, balance="sampler"),
    )
    np.testing.assert_array_equal(
        made.combined(OUTPUTS, "mean").members, plain.combined(OUTPUTS, "mean").members
    )
    assert made.calibrated
    assert made.recalibration is None


def test_a_network_with_log_odds_added_gives_the_corrected_probabilities():
    torch.manual_seed(0)
    network = Classifier(torch.nn.Conv3d(1, 4, 1), 4, 2, 0.0).eval()
    odds = Odds.of(PRIORS, balance="sampler")
    images = torch.randn(3, 1, 2, 2, 2)
    made = with_log_odds(network, odds.added(3))
    with torch.no_grad():
        before, after = (torch.softmax(one(images), 1).numpy() for one in (network, made))
    np.testing.assert_allclose(odds.probabilities(3, before), after, rtol=1e-5)
    assert made.encoder is network.encoder
    assert with_log_odds(network, Odds().added(3)) is network
