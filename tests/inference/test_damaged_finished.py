"""Finished predictions that something damaged since: none of them is taken over."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace

import pytest
import torch

from ricenet_v2.inference import networks
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.prediction_consistency import inconsistency
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction
from ricenet_v2.store.tables import read_rows


@pytest.fixture
def predict(make_patients, tmp_path, caplog):
    """A function that goes on with two patients, or with the named one, and gives what is said."""
    patients = make_patients()
    model = patients.model((0, 3))

    def made(*cases):
        folder = patients.images
        if cases:
            folder = tmp_path / "+".join(cases)
            folder.mkdir(exist_ok=True)
            for path in (path for case in cases for path in patients.images.glob(f"{case}_*")):
                shutil.copy(path, folder)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
            found = predict_folder(model, folder, tmp_path / "out", mirror=False, resume=True)
        return found, [line for line in caplog.messages if "again" in line]

    return made


def _digit(text):
    fields = json.loads(text)
    fields["prediction"]["probabilities"][0] = 0.7
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _of_an_earlier_version(text):
    """As versions before wrote it: without a checksum."""
    fields = json.loads(text)
    del fields["seal"]
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _entropy(text):
    fields = json.loads(_of_an_earlier_version(text))
    fields["prediction"]["entropy"] = 0.1
    return json.dumps(fields)


DAMAGES = {
    "digit": _digit,
    "digit of an earlier version": lambda text: _digit(_of_an_earlier_version(text)),
    "entropy of an earlier version": _entropy,
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "another case": lambda text: text.replace('"case_id": "p1"', '"case_id": "p0"'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_prediction_is_made_again_and_the_other_is_kept(predict, tmp_path, damage):
    before, _ = predict()
    cases = tmp_path / "out" / "cases"
    file, other = cases / "p1.json", (cases / "p0.json").stat().st_mtime_ns
    whole = file.read_text()
    file.write_text(DAMAGES[damage](whole))
    assert file.read_text() != whole
    found, (line,) = predict()
    assert line.startswith("p1 is predicted again: its file in the folder cases cannot be used (")
    assert found.cases == before.cases
    assert file.read_text() == whole
    assert (cases / "p0.json").stat().st_mtime_ns == other
    rows = read_rows(tmp_path / "out" / "predictions.csv")
    assert [float(row["prob_first"]) + float(row["prob_second"]) for row in rows] == [1, 1]


@pytest.mark.parametrize("damage", ["digit", "truncated"])
def test_without_its_images_only_the_damaged_case_is_named(predict, tmp_path, damage):
    before, _ = predict()
    file = tmp_path / "out" / "cases" / "p1.json"
    file.write_text(DAMAGES[damage](file.read_text()))
    found, _ = predict("p0")
    assert found.cases == before.cases[:1]
    (failed,) = found.failed
    assert failed.case_id == "p1"
    assert "--continue" in failed.error
    again, _ = predict()
    assert (again.cases, again.failed) == (before.cases, ())


def test_a_prediction_of_an_earlier_version_is_kept(predict, tmp_path):
    before, _ = predict()
    file = tmp_path / "out" / "cases" / "p1.json"
    earlier = _of_an_earlier_version(file.read_text())
    file.write_text(earlier)
    assert predict() == (before, [])
    assert file.read_text() == earlier


HALF = (0.25, 0.75)
MEMBERS = (MemberPrediction(0, (0.5, 0.5)), MemberPrediction(1, (0.0, 1.0)))
# Entropy of (1/4, 3/4), less the mean of ln 2 and 0.
SOUND = CasePrediction(
    "a", "second", HALF, MEMBERS, 0.5623351446188083, 0.5, (), None, 0.21576155433883565
)
WRONG = {
    "probabilities sum to 1.2": {"probabilities": (0.45, 0.75)},
    "not between 0 and 1": {"probabilities": (-0.25, 1.25)},
    "has 2 classes": {"probabilities": (0.25, 0.5, 0.25)},
    "combined probabilities": {"probabilities": (0.26, 0.74)},
    "the predicted class is first": {"predicted": "first"},
    "agreement": {"agreement": 1.0},
    "entropy": {"entropy": 0.56},
    "disagreement": {"disagreement": 0.3},
    "of the folds": {"members": MEMBERS[:1]},
    "sum to 0.9": {"members": (MemberPrediction(0, (0.4, 0.5)), MEMBERS[1])},
}


@pytest.mark.parametrize("words", WRONG)
def test_what_does_not_follow_from_the_networks_is_seen(make_plan, words):
    plan = make_plan(("mri",), shape=(16, 16, 16), spacing=(2.0, 2.0, 2.0))
    members = {fold: torch.nn.Identity() for fold in (0, 1)}
    ensemble = networks.Ensemble(plan, None, members, torch.device("cpu"), {}, Odds())
    assert plan.classes == ("first", "second")
    assert inconsistency(SOUND, ensemble, "mean") == ""
    assert words in inconsistency(replace(SOUND, **WRONG[words]), ensemble, "mean")
