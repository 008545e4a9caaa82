"""A folder of patients explained, from files to files."""

import dataclasses
import json
import os

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, PlanError
from ricenet_v2.explanation import folder
from ricenet_v2.explanation.explained_case import SubjectFiles, read_subject
from ricenet_v2.explanation.finished import case_file
from ricenet_v2.explanation.folder import _corrected, explain_folder
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.inference.odds import Odds
from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.records.explanation import Explanation
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.report import ReportSection
from ricenet_v2.store.tables import read_rows
from tests.small_work import few_orders

OPTIONS = ExplanationOptions(occlusion=OcclusionSettings(window_mm=12, stride_mm=10))


def test_every_map_lies_on_the_images_and_is_counted(patients, ensemble, tmp_path, monkeypatch):
    few_orders(monkeypatch.setattr)
    out = tmp_path / "out"
    made = explain_folder(ensemble, patients / "imagesTs", out, OPTIONS, control=ensemble)
    assert made == documents.read(Explanation, out / "explanation.json")
    assert made.cases == ("p0", "p1")
    image = sitk.ReadImage(str(patients / "imagesTs" / "p0_0000.nii.gz"))
    case = documents.read(ExplainedCase, case_file(out, "p0"))
    names = {one.name for one in case.maps}
    assert {"occlusion", "occlusion__dose1", "occlusion__fold_1", "gradcam"} <= names
    assert {"occlusion_probability__dose1", "occlusion__dose1__fold_0"} <= names
    for one in case.maps:
        read = sitk.ReadImage(str(out / one.file))
        assert read.GetSize() == image.GetSize()
        assert read.GetOrigin() == pytest.approx(image.GetOrigin())
        assert np.isfinite(sitk.GetArrayFromImage(read)).all()
        bands = [share for part, share in one.shares.found.items() if "%" in part]
        assert sum(bands) == pytest.approx(1, abs=1e-4)
        assert set(one.shares.found) - set(one.shares.expected) == {"outside the brain"}
    assert case.isodose.endswith("60 Gy")
    for shares in case.channel_shares.values():
        assert sum(shares.values()) == pytest.approx(1)
    # The control is the model itself, so nothing falls, and the page says so.
    assert all(check.control == pytest.approx(1) for check in case.checks)
    part = documents.read(ReportSection, out / "report_part.json")
    assert part.words.startswith("2 cases. ")
    assert "under the mean around them in images and the mean around them in doses" in part.words
    assert "speaks for the class that is predicted." in part.words
    assert "FAILED" in part.words
    caption = part.cases["p0"][0].caption
    assert "FAILED" in caption
    # The middle of the lesion is voxel (8, 8, 9) of GRID.
    assert case.planes == "the middle of the lesion mask (L 18.5, P 29.0, S 22.0 mm)"
    assert f"Planes through {case.planes}." in caption
    assert all((out / volume.file).is_file() for volume in part.volumes["p1"])
    outside = [row for table in part.tables for row in table.rows if "outside the brain" in row]
    assert {row[4:] for row in outside} == {("",) * 5}
    rows = read_rows(out / "explanation.csv")
    assert {row["case_id"] for row in rows} == {"p0", "p1"}
    against_untrained(case, rows, made)


def against_untrained(case, rows, made):
    """Each map of all channels beside those of five networks with random weights."""
    for one in case.maps:
        is_tested = (one.member, one.channel, one.unit) == ("ensemble", "all", "log odds")
        assert set(one.shares.untrained) == (set(one.shares.expected) if is_tested else set())
        for part, shares in one.shares.untrained.items():
            assert len(set(shares)) in (1, 5)
            alone = [row for row in rows if (row["case_id"], row["map"], row["part"])
                     == (case.case_id, one.name, part)]  # fmt: skip
            assert float(alone[0]["untrained"]) == pytest.approx(np.mean(shares))
            assert float(alone[0]["p_untrained"]) == one.shares.p_untrained[part]
    shares = {(one.map, one.part): one for one in made.shares}
    assert shares["hirescam", "lesion"].p is None  # two patients
    assert 0 < shares["hirescam", "lesion"].p_untrained <= 1
    assert shares["hirescam", "outside the brain"].untrained is None


FAST = dataclasses.replace(OPTIONS, kinds=("hirescam",), sanity=False)


def test_a_bad_case_does_not_stop_the_others_and_finished_ones_are_kept(
    patients, ensemble, tmp_path
):
    images, out = patients / "imagesTs", tmp_path / "out"
    (images / "p0_0001.nii.gz").unlink()
    os.mkfifo(images / "p0_0001.nii.gz")
    made = explain_folder(ensemble, images, out, FAST)
    assert made.cases == ("p1",)
    assert "p0_0001.nii.gz: This image cannot be read. it is a named pipe" in made.failed["p0"]
    with pytest.raises(DatasetError, match="already holds"):
        explain_folder(ensemble, images, out, FAST)
    before = case_file(out, "p1").stat().st_mtime_ns
    explain_folder(ensemble, images, out, FAST, resume=True)
    assert case_file(out, "p1").stat().st_mtime_ns == before
    other = dataclasses.replace(FAST, target="second")
    with pytest.raises(DatasetError, match="other options"):
        explain_folder(ensemble, images, out, other, resume=True)
    file = case_file(out, "p1")
    fields = json.loads(file.read_text())
    del fields["seal"]
    file.write_text(json.dumps({**fields, "schema": 1}))
    with pytest.raises(DatasetError, match="another model, version or other options"):
        explain_folder(ensemble, images, out, FAST, resume=True)


def test_any_error_is_that_of_its_case_and_the_maps_of_the_others_are_the_same(
    patients, ensemble, tmp_path, monkeypatch
):
    images, read = patients / "imagesTs", folder.read_subject
    whole = explain_folder(ensemble, images, tmp_path / "whole", FAST)
    assert whole.cases == ("p0", "p1")

    def broken(ensemble, files, seconds):
        if files.case_id == "p0":
            raise OverflowError("far away")
        return read(ensemble, files, seconds)

    monkeypatch.setattr(folder, "read_subject", broken)
    made = explain_folder(ensemble, images, tmp_path / "out", FAST)
    assert made.failed == {"p0": "OverflowError: far away"}
    alone = documents.read(ExplainedCase, case_file(tmp_path / "out", "p1"))
    assert alone == documents.read(ExplainedCase, case_file(tmp_path / "whole", "p1"))


def test_wrong_wishes_are_told_before_the_first_case(patients, ensemble, tmp_path):
    images = patients / "imagesTs"
    with pytest.raises(PlanError, match="no such class"):
        explain_folder(ensemble, images, tmp_path / "a", dataclasses.replace(FAST, target="third"))
    other = dataclasses.replace(
        ensemble, plan=dataclasses.replace(ensemble.plan, spacing=(1.0, 1.0, 1.0))
    )
    with pytest.raises(PlanError, match="shuffled labels"):
        explain_folder(ensemble, images, tmp_path / "b", FAST, control=other)
    wide = dataclasses.replace(OPTIONS, occlusion=OcclusionSettings(window_mm=90), sanity=False)
    found = explain_folder(ensemble, images, tmp_path / "c", wide)
    assert "larger than the image" in found.failed["p0"]


def test_the_predicted_class_is_that_of_prediction_and_another_answer_is_told(
    patients, ensemble, tmp_path
):
    training = ensemble.plan.training
    mirrored = dataclasses.replace(training.augmentation, mirror_axes=(2,))
    training = dataclasses.replace(training, augmentation=mirrored)
    plan = dataclasses.replace(ensemble.plan, training=training)
    one = dataclasses.replace(ensemble, plan=plan, members={0: ensemble.members[0]})
    paths = tuple(patients / "imagesTs" / f"p0_000{n}.nii.gz" for n in range(2))
    image = read_subject(one, SubjectFiles("p0", paths, patients / "masksTs")).array
    with torch.no_grad():
        both = torch.from_numpy(np.stack([image, image[..., ::-1]]))
        as_it_is, turned = log_odds(one.members[0](both), 1).tolist()
        # The image is called one class by a little, its mirror image the other by more.
        one.members[0].head.bias[1] += (as_it_is - turned) / 4 - as_it_is
    explain_folder(one, patients / "imagesTs", tmp_path / "out", FAST)
    case = documents.read(ExplainedCase, case_file(tmp_path / "out", "p0"))
    found = predict_folder(one, patients / "imagesTs", tmp_path / "predicted").cases[0]
    assert (case.predicted, case.target) == (found.predicted, found.predicted)
    assert case.probability == pytest.approx(max(found.probabilities), abs=1e-6)
    other = ({"first", "second"} - {found.predicted}).pop()
    assert f"without mirroring, as in the maps, the networks predict {other}" in case.warnings


def test_probabilities_are_corrected_for_the_prior_as_those_of_prediction(
    patients, ensemble, tmp_path
):
    priors = {0: Prior((0.5, 0.5), (90, 10)), 1: Prior((0.5, 0.5), (80, 20))}
    corrected = dataclasses.replace(ensemble, odds=Odds.of(priors, balance="sampler"))
    images, options = patients / "imagesTs", dataclasses.replace(FAST, target="second")
    explain_folder(corrected, images, tmp_path / "out", options)
    found = predict_folder(corrected, images, tmp_path / "predicted").cases[0]
    case = documents.read(ExplainedCase, case_file(tmp_path / "out", "p0"))
    assert case.predicted == found.predicted
    assert case.probability == pytest.approx(found.probabilities[1], abs=1e-6)
    plain = predict_folder(ensemble, images, tmp_path / "plain").cases[0]
    assert case.probability < plain.probabilities[1]
    with pytest.raises(DatasetError, match="another model"):
        explain_folder(ensemble, images, tmp_path / "out", options, resume=True)
    # What maps are made of: the same networks, whose heads carry the log odds of the prior.
    for fold, network in _corrected(corrected).items():
        moved = (network.head.bias - ensemble.members[fold].head.bias).detach()
        share = priors[fold].shares[1]
        assert float(moved[1] - moved[0]) == pytest.approx(np.log(share / (1 - share)), abs=1e-5)
