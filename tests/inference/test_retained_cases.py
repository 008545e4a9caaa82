"""Going on with a folder that holds predictions of other patients: nothing of them is lost."""

from __future__ import annotations

import logging
import shutil
import unicodedata

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.tables import read_rows


@pytest.fixture
def patients(make_patients):
    return make_patients()


@pytest.fixture
def predict(patients, tmp_path):
    """A function that predicts the images of some cases, and goes on where there are others."""

    def made(*cases, out="out", **renamed):
        folder = tmp_path / f"images of {'+'.join(cases)}"
        folder.mkdir(exist_ok=True)
        for case in cases:
            for path in patients.images.glob(f"{renamed.get(case, case)}_*"):
                shutil.copy(path, folder / f"{case}_{path.name.rpartition('_')[2]}")
        model = patients.model((0, 3))
        return predict_folder(model, folder, tmp_path / out, mirror=False, resume=True)

    return made


def ids(output):
    return [row["case_id"] for row in read_rows(output / "predictions.csv")]


def test_other_patients_are_kept_as_if_all_were_predicted_at_once(predict, tmp_path, caplog):
    both = predict("p0", "p1", out="both")
    predict("p1")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = predict("p0")
    assert found.cases == both.cases
    assert found == documents.read(Predictions, tmp_path / "out" / "predictions.json")
    texts = [(tmp_path / name / "predictions.csv").read_text() for name in ("out", "both")]
    assert texts[0] == texts[1]
    assert caplog.messages == [
        "The predictions of cases that are not among these images are kept from earlier commands: "
        "p1."
    ]


def test_what_an_interrupted_command_finished_is_kept_too(predict, tmp_path):
    predict("p1")
    for name in ("predictions.csv", "predictions.json"):
        (tmp_path / "out" / name).unlink()
    predict("p0")
    assert ids(tmp_path / "out") == ["p0", "p1"]


def test_other_patients_that_failed_stay_listed_until_they_are_predicted(
    predict, patients, tmp_path
):
    spoilt = patients.images / "p1_0003.nii.gz"
    whole = spoilt.read_bytes()
    spoilt.write_bytes(whole[:100])
    first = predict("p1")
    assert predict("p0").failed == first.failed
    assert ids(tmp_path / "out") == ["p0"]
    spoilt.write_bytes(whole)
    found = predict("p1")
    assert [case.case_id for case in found.cases] == ["p0", "p1"]
    assert not found.failed


def test_a_patient_whose_files_were_lost_after_it_was_predicted_counts_as_failed(
    predict, patients, tmp_path
):
    predict("p0", "p1")
    (tmp_path / "images of p0+p1" / "p1_0003.nii.gz").unlink()
    (patients.images / "p1_0003.nii.gz").unlink()
    assert [case.case_id for case in predict("p0", "p1").failed] == ["p1"]
    found = predict("p0")
    assert [case.case_id for case in found.failed] == ["p1"]
    assert [case.case_id for case in found.cases] == ["p0"]


def test_a_damaged_list_of_failed_patients_costs_no_prediction(predict, tmp_path, caplog):
    predict("p1")
    (tmp_path / "out" / "predictions.json").write_text("{")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        predict("p0")
    assert ids(tmp_path / "out") == ["p0", "p1"]
    assert "can no longer be read" in caplog.text


@pytest.mark.parametrize("present", [("p0",), ("p0", "p1")])
def test_rows_that_could_not_be_made_again_are_not_overwritten(predict, tmp_path, present):
    """The folder of single cases was not copied along: nothing tells what made the table."""
    predict("p0", "p1")
    out = tmp_path / "out"
    shutil.rmtree(out / "cases")
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(DatasetError, match="would be lost") as caught:
        predict(*present)
    assert "p1" in caught.value.got
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_patient_is_the_same_in_another_unicode_normal_form(predict, tmp_path, caplog):
    composed, decomposed = (unicodedata.normalize(form, "pü") for form in ("NFC", "NFD"))
    first = predict(composed, **{composed: "p0"})
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = predict(decomposed, **{decomposed: "p0"})
    assert found.cases == first.cases
    assert caplog.messages == []


def test_two_patients_of_one_name_in_two_unicode_normal_forms_are_both_refused(predict, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "pü") for form in ("NFC", "NFD"))
    whose = {composed: "p0", decomposed: "p1"}
    found = predict("p1", *whose, **whose)
    assert [case.case_id for case in found.cases] == ["p1"]
    assert ids(tmp_path / "out") == ["p1"]
    assert [file.name for file in (tmp_path / "out" / "cases").iterdir()] == ["p1.json"]
    assert {one.case_id for one in found.failed} == {composed, decomposed}
    for one in found.failed:
        assert ascii(composed) in one.error
        assert ascii(decomposed) in one.error
