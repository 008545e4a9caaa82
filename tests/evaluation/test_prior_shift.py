"""Predictions moved to another prior are those that prediction would have made for it."""

import dataclasses

import numpy as np
import pytest
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.calibrate import with_ensemble
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.evaluation_input import of_file, stored_thresholds
from ricenet_v2.evaluation.prior_shift import with_prior
from ricenet_v2.evaluation.thresholds import PRIOR, chosen_thresholds
from ricenet_v2.inference.odds import Odds
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import Prior
from ricenet_v2.store.tables import write_rows

CLASSES = ("other", "event")
PRIORS = {0: Prior((0.5, 0.5), (80, 20)), 1: Prior((0.5, 0.5), (90, 10))}
N = 40


@pytest.fixture
def outputs():
    p = np.random.default_rng(0).uniform(0.05, 0.95, (2, N))
    return np.stack([1 - p, p], axis=2)


def written(folder, outputs, odds, combine="mean"):
    """predictions.csv and .json, as an ensemble of two folds writes them."""
    rows = []
    for index in range(N):
        made = odds.combined({fold: outputs[fold, index] for fold in PRIORS}, combine)
        row = {"case_id": f"c{index}", "label": CLASSES[index % 4 == 0]}
        row |= {"predicted": CLASSES[made.predicted]}
        row |= dict(zip(map("prob_{}".format, CLASSES), made.probabilities, strict=True))
        for fold, values in zip(PRIORS, made.members, strict=True):
            row |= {f"prob_{n}__fold_{fold}": v for n, v in zip(CLASSES, values, strict=True)}
        rows.append(row)
    write_rows(folder / "predictions.csv", rows)
    predictions = Predictions(
        "D", "auto", "", {}, CLASSES, combine, True, (), (), priors=odds.recorded, prior=odds.prior,
        prior_named=bool(odds.named), decide=odds.rule, recalibration=odds.recalibration,
    )  # fmt: skip
    documents.write(folder / "predictions.json", predictions)
    return of_file(folder / "predictions.csv", None, "event")


@pytest.mark.parametrize("before", [(), (0.7, 0.3)])
def test_the_metrics_are_those_of_predictions_made_for_it(outputs, tmp_path, before):
    plain = written(tmp_path / "a", outputs, Odds.of(PRIORS, balance="sampler", named=before))
    wanted = written(tmp_path / "b", outputs, Odds.of(PRIORS, balance="sampler", named=(0.4, 0.6)))
    found = with_prior(plain, ["0.6"])
    np.testing.assert_allclose(found.labelled.probabilities, wanted.labelled.probabilities)
    for fold in PRIORS:
        np.testing.assert_allclose(found.labelled.members[fold], wanted.labelled.members[fold])
    np.testing.assert_array_equal(found.labelled.predicted, wanted.labelled.predicted)
    assert found.title.endswith("for the prior other 0.4, event 0.6")


def test_what_says_no_prior_is_refused(outputs, tmp_path):
    evaluated = written(tmp_path, outputs, Odds())
    assert evaluated.labelled.prior == ()
    with pytest.raises(DatasetError, match="cannot be adjusted"):
        with_prior(evaluated, ["0.1"])


def test_members_are_called_by_the_rule_of_the_ensemble(outputs, tmp_path):
    evaluated = written(tmp_path, outputs, Odds.of(PRIORS, balance="sampler"))
    member = evaluated.labelled.member(0)
    expected = evaluated.labelled.members[0][:, 1] >= evaluated.labelled.prior[1]
    np.testing.assert_array_equal(member.predicted == 1, expected)


def test_the_balanced_threshold_is_the_prior_and_calls_what_is_predicted(outputs, tmp_path):
    evaluated = written(tmp_path, outputs, Odds.of(PRIORS, balance="sampler"))
    default, balanced = stored_thresholds(evaluated, None)
    assert (default.value, balanced.value) == pytest.approx((0.5, 0.15))
    assert (balanced.name, balanced.chosen_on) == ("balanced", PRIOR)
    called = evaluated.labelled.probabilities[:, 1] >= balanced.value
    np.testing.assert_array_equal(called, evaluated.labelled.predicted == 1)


def test_thresholds_of_another_prior_are_chosen_on_predictions_moved_alike(outputs, tmp_path):
    """Out-of-fold probabilities of each fold are right for its own shares."""
    named = (0.6, 0.4)
    evaluated = written(tmp_path / "p", outputs, Odds.of(PRIORS, balance="sampler", named=named))
    crossval = tmp_path / "crossval"
    p = np.array([0.2 if n % 2 else 0.1 for n in range(N)]) * np.linspace(0.2, 3, N)
    rows = [
        {"case_id": f"c{n}", "label": CLASSES[n % 3 == 0], "fold": 0 if n % 2 else 1,
         "predicted": "other", "prob_other": 1 - p[n], "prob_event": p[n]}
        for n in range(N)
    ]  # fmt: skip
    write_rows(crossval / "validation.csv", rows)
    labelled = of_file(crossval / "validation.csv", None, "event").labelled
    picked = chosen_thresholds(labelled, 1, (0.8,), ())
    metrics = evaluate(
        labelled, EvaluationOptions(1, n_bootstrap=20), "out-of-fold", thresholds=picked
    )
    documents.write(crossval / "metrics.json", metrics)
    found = stored_thresholds(evaluated, crossval / "metrics.json")
    shares = np.array([0.2 if n % 2 else 0.1 for n in range(N)])
    moved = special.expit(special.logit(p) - special.logit(shares) + special.logit(0.4))
    alike = dataclasses.replace(
        labelled, probabilities=np.column_stack([1 - moved, moved]), prior=named
    )
    expected = chosen_thresholds(alike, 1, (0.8,), ())
    assert [one.value for one in found] == pytest.approx([one.value for one in expected])
    assert found[-1].chosen_on == "out-of-fold predictions, corrected for the same prior"


@pytest.mark.parametrize("named", [(), (0.9, 0.1)])
def test_shares_of_votes_have_no_threshold_of_probabilities(outputs, tmp_path, caplog, named):
    """With a prior of 0.1 as threshold, one vote of many would call a case."""
    odds = Odds.of(PRIORS, balance="sampler", named=named)
    evaluated = written(tmp_path / "p", outputs, odds, "vote")
    crossval = tmp_path / "crossval"
    folds = dataclasses.replace(written(crossval, outputs, odds).labelled, prior=(0.85, 0.15))
    picked = chosen_thresholds(folds, 1, (0.8,), ())
    assert "balanced" in {each.name for each in picked}
    metrics = evaluate(
        folds, EvaluationOptions(1, n_bootstrap=20), "out-of-fold", thresholds=picked
    )
    documents.write(crossval / "metrics.json", metrics)
    (crossval / "predictions.csv").rename(crossval / "validation.csv")
    for file in (None, crossval / "metrics.json"):
        (default,) = stored_thresholds(evaluated, file)
        assert (default.name, default.value) == ("default", 0.5)
    assert "thresholds for probabilities do not apply to vote proportions" in caplog.text
    shares = evaluated.labelled.probabilities[:, 1]
    clear = shares != 0.5
    assert 0 < clear.sum() < N
    np.testing.assert_array_equal(
        (shares >= 0.5)[clear], (evaluated.labelled.predicted == 1)[clear]
    )


def test_an_ensemble_is_calibrated_by_the_priors_of_its_members(outputs, tmp_path):
    calibration = Calibration(
        1 / 0.8, None, None, 100, 100, "", {}, (), (), form="slope and offset", slope=0.8,
        offsets=(0.2, -0.2), classes=CLASSES, prior=(0.85, 0.15),
    )  # fmt: skip
    plain = written(tmp_path / "a", outputs, Odds.of(PRIORS, balance="sampler"))
    odds = Odds.of(PRIORS, balance="sampler", calibration=calibration)
    wanted = written(tmp_path / "b", outputs, odds)
    options = EvaluationOptions(1, n_bootstrap=20)
    made = with_ensemble(calibration, plain.labelled, options, plain.provenance)
    loss = next(one.value for one in made.ensemble_after if one.name == "log loss")
    picked = wanted.labelled.probabilities[np.arange(N), wanted.labelled.truth]
    assert loss == pytest.approx(-np.log(picked).mean())
    with pytest.raises(DatasetError, match="do not state which prior"):
        with_ensemble(calibration, plain.labelled, options)
