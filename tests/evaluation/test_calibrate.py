"""Choosing and fitting a calibration on the pooled folds of a model."""

import dataclasses

import numpy as np
import pytest
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation import calibration_forms as forms
from ricenet_v2.evaluation.calibrate import calibrate
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.inference.recalibration import applied_by, recalibrated
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.tables import write_rows

CLASSES, N, SHARES = ("other", "event"), 60, (0.75, 0.25)
OPTIONS = EvaluationOptions(1, n_bootstrap=20)


@pytest.fixture
def make_model(tmp_path):
    """A function that writes five folds of networks whose balanced log odds are twice too large."""

    def make(*, is_corrected: bool) -> ModelPaths:
        model, random = ModelPaths(tmp_path / "auto__all"), np.random.default_rng(0)
        for fold in range(5):
            truth = (np.arange(N) % 4 == 0).astype(int)
            balanced = 1.2 * random.normal(size=N) + 1.44 * truth - 0.72
            added = special.logit(SHARES[1]) if is_corrected else 0.0
            p = special.expit(2 * balanced + added)
            rows = [
                {"case_id": f"c{fold}_{n}", "patient_id": f"p{fold}_{n}", "label": CLASSES[label],
                 "predicted": "other", "prob_other": 1 - p[n], "prob_event": p[n]}
                for n, label in enumerate(truth)
            ]  # fmt: skip
            write_rows(model.fold(fold).validation, rows)
            run = Run("D", "auto", "", fold, ("mri",), 0, "cpu", 1, "finished", 0, (), {})
            prior = Prior((0.5, 0.5), (180, 60)) if is_corrected else None
            documents.write(model.fold(fold).run, dataclasses.replace(run, prior=prior))
        return model

    return make


def loss(metrics):
    return next(one.value for one in metrics if one.name == "log loss")


def test_networks_that_are_too_sure_are_made_less_so(make_model):
    model = make_model(is_corrected=True)
    labelled = pool(model, "1")
    made = calibrate(labelled, model, OPTIONS)
    assert made.form in {"temperature", "slope and offset"}
    assert made.slope == pytest.approx(0.5, abs=0.1)
    assert made.prior == pytest.approx(SHARES)
    assert made.temperature == pytest.approx(1 / made.slope)
    assert loss(made.after) < loss(made.before)
    by_form = {each.form: each.log_loss for each in made.trials}
    assert by_form[made.form] == min(by_form.values())
    assert by_form["nothing"] == pytest.approx(loss(made.before))
    assert {each.cases_needed for each in made.trials} == {0, 20}
    whole = recalibrated(labelled.probabilities, applied_by(made), SHARES)
    assert whole[:, 1].mean() == pytest.approx(SHARES[1], abs=0.03)


def test_what_an_older_model_lacks_is_made_good_by_offsets(make_model):
    model = make_model(is_corrected=False)
    labelled = pool(model, "1")
    made = calibrate(labelled, model, OPTIONS)
    assert (made.form, made.prior) == ("slope and offset", ())
    assert made.offsets[1] < made.offsets[0]
    assert loss(made.after) < loss(made.before)
    whole = recalibrated(labelled.probabilities, applied_by(made))
    assert whole[:, 1].mean() == pytest.approx(SHARES[1], abs=0.03)


def test_the_metrics_after_leave_each_fold_out_of_its_own_calibration(make_model):
    model = make_model(is_corrected=True)
    labelled = pool(model, "1")
    made, folds = calibrate(labelled, model, OPTIONS), np.array(labelled.folds)
    priors = np.tile(SHARES, (len(labelled), 1))
    cases = forms.Cases(labelled.truth, labelled.probabilities, labelled.patients, folds, priors)
    losses = []
    for fold in range(5):
        others, own = cases.part(folds != fold), cases.part(folds == fold)
        by = forms.fit(forms.choose(others).form, others)
        losses += [*-np.log(own.by(by)[np.arange(N), own.truth])]
    assert loss(made.after) == pytest.approx(np.mean(losses))


def test_not_even_the_form_is_chosen_with_the_fold_that_it_is_judged_on(make_model, monkeypatch):
    seen = []

    def spy(cases):
        seen.append(set(cases.folds.tolist()))
        return forms.choose(cases)

    monkeypatch.setattr("ricenet_v2.evaluation.calibrate.choose", spy)
    model = make_model(is_corrected=True)
    calibrate(pool(model, "1"), model, OPTIONS)
    everything = set(range(5))
    assert seen == [everything, *(everything - {fold} for fold in range(5))]


def test_one_fold_is_not_enough(make_model):
    model = make_model(is_corrected=True)
    labelled = pool(model, "1")
    alone = labelled.part(np.flatnonzero(np.array(labelled.folds) == 0))
    with pytest.raises(DatasetError, match="several folds"):
        calibrate(alone, model, OPTIONS)
