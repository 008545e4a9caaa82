"""A fusion: covariates move the prediction, and a patient without them is refused."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import pytest
from scipy.special import expit

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.fusion import covariates_of
from ricenet_v2.inference.odds import Odds
from ricenet_v2.records.covariates import Covariate
from ricenet_v2.records.fusion import FusedCovariate, Fusion
from ricenet_v2.records.prior import Prior, Recalibration
from ricenet_v2.store.cases import read_array, read_record

FUSION = Fusion(
    covariates=(FusedCovariate(Covariate("age"), 30.0, 80.0, 0),),
    classes=("first", "second"),
    columns=("log odds of second", "age"),
    fill=(0.0, 50.0),
    mean=(0.0, 50.0),
    scale=(1.0, 10.0),
    weights=((2.0, 0.5),),
    intercepts=(-0.25,),
    penalty=1.0,
    prior=(0.5, 0.5),
    n_cases=20,
    n_patients=20,
    seed=0,
    fitted_on={},
)


@pytest.fixture
def patients(make_patients):
    return make_patients()


@pytest.fixture
def fused(patients):
    """A network without an opinion and the fusion."""
    odds = dataclasses.replace(
        Odds.of({0: Prior((0.5, 0.5), (10, 10))}, balance="sampler"), fusion=FUSION
    )
    return dataclasses.replace(patients.model((0,)), odds=odds)


@pytest.fixture
def predict(patients, fused):
    """A function that predicts a case by the network and the fusion."""
    record = read_record(patients.preprocessed, "p0")
    array = read_array(patients.preprocessed, "p0")

    def predicted(covariates):
        return fused.predict(array[:1], record, covariates=covariates)

    return predicted


@pytest.mark.parametrize(("age", "years"), [("70", 70), ("", 50)])
def test_covariates_move_the_prediction_as_by_hand(predict, age, years):
    made = predict(covariates_of(FUSION, {"age": age}, "p0"))
    second = expit(0.5 * (years - 50) / 10 - 0.25)
    assert made.probabilities == pytest.approx((1 - second, second))
    assert made.predicted == ("second" if second > 0.5 else "first")
    assert ("age is not known and is imputed" in made.warnings) == (not age)


def test_a_patient_without_covariates_is_refused_by_name(predict):
    with pytest.raises(DatasetError, match="covariate of the model is missing") as caught:
        predict(None)
    assert caught.value.case == "p0"


@pytest.mark.parametrize(("axes", "mirror"), [((2,), False), ((2,), True), ((), False)])
def test_what_was_fitted_on_mirrored_predictions_is_refused_without_them(fused, axes, mirror):
    changes = dataclasses.replace(fused.plan.training.augmentation, mirror_axes=axes)
    training = dataclasses.replace(fused.plan.training, augmentation=changes)
    network = dataclasses.replace(fused, plan=dataclasses.replace(fused.plan, training=training))
    is_refused = bool(axes) and not mirror
    with pytest.raises(DatasetError, match="fusion was fitted") if is_refused else nullcontext():
        network.check(mirror=mirror)


@pytest.mark.parametrize(
    ("form", "temperature"), [("temperature", 4.0), ("slope and offset", None)]
)
def test_predictions_name_the_temperature_that_divided_the_logits(fused, form, temperature):
    odds = dataclasses.replace(fused.odds, recalibration=Recalibration(0.25), form=form)
    assert dataclasses.replace(fused, odds=odds).predictions([]).temperature == temperature
