"""What ricenet_calibrate stored: whether it may be applied, and what it does."""

import dataclasses

import numpy as np
import pytest
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DocumentError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.inference.recalibration import applied_by, calibration_of, recalibrated
from ricenet_v2.inference.temperature import LIMITS, scaled
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prior import Recalibration
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.tables import write_rows


def test_the_calibration_of_a_model_must_fit_its_folds(tmp_path):
    model = ModelPaths(tmp_path)
    with pytest.raises(CheckpointError, match="not calibrated"):
        calibration_of(model)
    write_rows(model.fold(0).validation, [{"case_id": "a"}])
    digest = sha256_of_file(model.fold(0).validation)
    fitted = Calibration(1.5, None, None, 1, 1, "", {"fold_0/validation.csv": digest}, (), ())
    documents.write(model.calibration, fitted)
    assert calibration_of(model) == fitted
    write_rows(model.fold(0).validation, [{"case_id": "b"}])
    with pytest.raises(CheckpointError, match=r"changed since: fold_0/validation.csv"):
        calibration_of(model)
    model.fold(0).validation.unlink()
    assert calibration_of(model) == fitted  # a model that was copied without its predictions
    for limit in LIMITS:
        met = dataclasses.replace(fitted, temperature=limit, warning="every call is right")
        documents.write(model.calibration, met)
        with pytest.raises(CheckpointError, match=r"is at a limit(.|\n)*every call is right"):
            calibration_of(model)


@pytest.mark.parametrize(
    ("name", "options"),
    [("auto__all", ""), ("auto__T1+dose", " -c T1+dose"), ("small__all", " -p small")],
)
def test_a_damaged_calibration_names_the_command_that_makes_it_anew(tmp_path, name, options):
    model = ModelPaths(tmp_path / "Dataset001_X" / name)
    model.folder.mkdir(parents=True)
    model.calibration.write_text("{")
    with pytest.raises(DocumentError) as caught:
        calibration_of(model)
    assert f"Run ricenet_calibrate Dataset001_X{options}." in caught.value.remedy


def test_slope_and_offsets_act_on_the_log_odds():
    p = np.random.default_rng(0).uniform(size=10)
    found = recalibrated(np.column_stack([1 - p, p]), Recalibration(0.7, (0.3, -0.2)))
    np.testing.assert_allclose(found[:, 1], special.expit(0.7 * special.logit(p) - 0.5))


def test_a_form_is_applied_as_it_was_fitted():
    p = np.random.default_rng(1).dirichlet(np.ones(3), 5)
    base = Calibration(2.0, None, None, 1, 1, "", {}, (), ())
    np.testing.assert_allclose(recalibrated(p, applied_by(base)), scaled(p, 2.0))
    nothing = dataclasses.replace(base, form="nothing")
    assert recalibrated(p, applied_by(nothing)) is p
    both = dataclasses.replace(base, form="slope and offset", slope=0.5, offsets=(1.0, 0.0, -1.0))
    logs = 0.5 * np.log(p) + [1.0, 0.0, -1.0]
    np.testing.assert_allclose(recalibrated(p, applied_by(both)), special.softmax(logs, axis=1))
