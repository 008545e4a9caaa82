"""ricenet_calibrate and ricenet_predict --calibrated."""

import dataclasses
import shutil

import numpy as np
import pytest

from ricenet_v2.cli import calibrate, predict
from ricenet_v2.cli.calibrate import verdict
from ricenet_v2.core import documents
from ricenet_v2.inference.temperature import scaled
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


def test_a_temperature_is_stored_shown_and_applied_to_each_member(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    paths, common = dataset_paths(NAME, workspace), ["--workspace", str(workspace)]
    few = ["--n_bootstrap", "50"]
    line = ["-i", str(paths.raw / "imagesTs"), "-d", NAME, "--device", "cpu", *common]
    assert predict.main([*line, "-o", str(tmp_path / "a"), "--calibrated"]) == 2
    assert "not calibrated" in capsys.readouterr().err
    assert predict.main([*line, "-o", str(tmp_path / "a")]) == 0
    file = str(tmp_path / "a" / "predictions.csv")
    assert calibrate.main([NAME, *common, *few, "--predictions", file]) == 0
    shown = capsys.readouterr().out
    assert "Ensemble on the test set" in shown
    made = documents.read(Calibration, paths.run().calibration)
    assert (made.n_cases, len(made.fitted_on)) == (20, FOLDS)
    names = [metric.name for metric in made.after]
    assert names == [metric.name for metric in made.before]
    assert {"Brier score", "log loss", "calibration slope of recurrence"} <= set(names)
    assert "only 20 cases" in made.warning
    _check_verdicts(made)
    assert verdict(made) in shown
    assert len(made.ensemble_after) == len(names)

    # Two epochs teach too little for a calibration of their own.
    made = dataclasses.replace(made, form="temperature", temperature=1.7, slope=1.0, offsets=())
    documents.write(paths.run().calibration, made)
    assert predict.main([*line, "-o", str(tmp_path / "b"), "--calibrated"]) == 0
    plain, scaled_ones = (
        documents.read(Predictions, tmp_path / name / "predictions.json") for name in "ab"
    )
    assert plain.temperature is None
    assert scaled_ones.temperature == pytest.approx(made.temperature)
    shares = {each.fold: each.prior.shares for each in plain.priors}
    for before, after in zip(plain.cases, scaled_ones.cases, strict=True):
        expected = np.mean(
            [_scaled(each.probabilities, shares[each.fold], 1.7) for each in before.members], axis=0
        )
        assert after.probabilities == pytest.approx(tuple(expected))
        assert before.distance is not None
        assert before.distance == after.distance
        assert before.distance_flag in {
            *("like the training cases", "unusual", "unlike the training cases"),
        }
        assert before.disagreement >= 0
    assert predict.main([*line, "-o", str(tmp_path / "b"), "--continue"]) == 2
    assert "another model or other options" in capsys.readouterr().err
    for more, said in ((["--no_tta"], "no mirroring"), (["--checkpoint", "best"], "best")):
        assert predict.main([*line, "-o", str(tmp_path / "c"), "--calibrated", *more]) == 2
        told = capsys.readouterr().err
        assert "fitted on other predictions" in told
        assert said in told
    calibrated = str(tmp_path / "b" / "predictions.csv")
    assert calibrate.main([NAME, *common, *few, "--predictions", calibrated]) == 2
    assert "calibrated already" in capsys.readouterr().err


def test_without_a_test_set_the_ensemble_is_said_to_be_unknown(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    line = [NAME, "--workspace", str(workspace), "--n_bootstrap", "50"]
    assert calibrate.main(line) == 0
    assert "effect on the ensemble is unknown" in capsys.readouterr().out


def _scaled(probabilities, shares, temperature):
    """The temperature is of equally frequent classes: the prior is taken out, and put in again."""
    balanced = np.divide(probabilities, shares)
    made = scaled(balanced / balanced.sum(), temperature) * shares
    return made / made.sum()


def _check_verdicts(made):
    """A log loss that falls, with the choice of the form in it, is a help."""

    def judged(before, after, form):
        old, new = (
            tuple(
                dataclasses.replace(one, value=value) if one.name == "log loss" else one
                for one in made.before
            )
            for value in (before, after)
        )
        return verdict(dataclasses.replace(made, before=old, after=new, form=form))

    assert judged(0.7, 0.6, "temperature").startswith("It helps: out-of-fold log loss 0.700 before")
    assert judged(0.6, 0.7, "temperature").startswith("Whether it helps is not clear")
    assert judged(0.6, 0.7, "nothing").startswith("No form improves")
