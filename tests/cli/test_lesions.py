"""Lesions as cases, from a mask of several lesions to predictions of patients."""

from __future__ import annotations

import csv
import logging

import numpy as np
import pytest
import torch

from ricenet_v2.api.lesions import split_lesions
from ricenet_v2.cli import convert
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, RegionError
from ricenet_v2.core.grid import Grid
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.evaluation.subgroups import groups_of
from ricenet_v2.evaluation.tabular.table import coded
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.cases import read_record
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset
from tests.cli.tiny_dataset import run, some_cases, write_tiny

GRID = Grid((16, 16, 16), (2.0, 2.0, 2.0))


def _lesions() -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[4:6, 4:6, 4:6] = 2
    mask[9:12, 9:12, 9:11] = 1
    return mask


@pytest.fixture
def paths(tmp_path):
    paths = write_tiny(tmp_path, some_cases(10))
    for case in load_raw_dataset(paths.raw).cases:
        write_image(paths.raw / "masksTr" / f"{case.case_id}_lesion.nii.gz", _lesions(), GRID)
    return paths


def test_each_lesion_is_a_case_and_images_stay_as_they_are(paths, tmp_path, capsys):
    before = {p.name: p.read_bytes() for p in (paths.raw / "imagesTr").iterdir()}
    table = (paths.raw / "cases.csv").read_bytes()
    assert convert.main(["lesions", str(paths.raw)]) == 0
    assert {p.name: p.read_bytes() for p in (paths.raw / "imagesTr").iterdir()} == before
    assert (paths.raw / "cases_of_images.csv").read_bytes() == table
    raw = load_raw_dataset(paths.raw)
    first, second = raw.cases[:2]
    assert (first.case_id, second.case_id) == ("case00_l1", "case00_l2")
    assert {first.patient_id, second.patient_id} == {"p00"}
    assert raw.images(first) == raw.images(second)
    assert first.covariates["lesion_ml"] == f"{18 * 8 / 1000:.4g}"
    masks = [read_image(raw.mask(case, "lesion"))[0] for case in (first, second)]
    np.testing.assert_array_equal(masks[0] > 0, _lesions() == 1)
    np.testing.assert_array_equal(masks[1] > 0, _lesions() == 2)
    assert run(tmp_path, "--lesion_margin", "4") == 0
    plan = documents.read(Plan, paths.plan())
    assert plan.region == RegionPlan("lesion", 4.0, per_lesion=True)
    records = [read_record(paths.cases(), name) for name in ("case00_l1", "case00_l2")]
    assert [record.crop_start for record in records] == [(7, 7, 7), (2, 2, 2)]
    findings = documents.read(Integrity, paths.integrity).findings
    assert [finding.check for finding in findings if "same image" in finding.check] == []
    assert "20 distinct training cases" in " ".join(
        decision.reason for decision in plan.decisions if decision.what == "batch size"
    )
    with pytest.raises(DatasetError, match="lesions already"):
        split_lesions(paths.raw)
    assert run(tmp_path, "--region", "head", "--overwrite") == 2
    assert "would all be the same" in capsys.readouterr().err


def test_what_says_which_lesion_a_case_is_makes_no_subgroups_and_no_columns(tmp_path, caplog):
    rows = ["case_id,patient_id,label,split,image_id,lesion_ml,lesion_centre_mm,sex"]
    tables = {"truth.csv": rows, "predictions.csv": ["case_id,predicted,prob_a,prob_b"]}
    for n in range(12):
        name, label = f"P{n // 2}_l{n % 2 + 1}", "ab"[n % 2]
        rows.append(f"{name},P{n // 2},{label},train,P{n // 2},{n + 1},{n}.0 1.0 2.0,{'FM'[n < 6]}")
        tables["predictions.csv"].append(f"{name},a,0.{n + 1:02},{1 - (n + 1) / 100:.2f}")
    for name, lines in tables.items():
        (tmp_path / name).write_text("\n".join(lines))
    labelled = read_labelled(tmp_path / "predictions.csv", tmp_path / "truth.csv")
    with caplog.at_level(logging.INFO, logger="ricenet_v2"):
        groups = [group.name for group in groups_of(labelled)[0]]
    assert groups == ["lesion_ml below 6.5", "lesion_ml 6.5 or more", "sex = F", "sex = M"]
    assert caplog.records == []
    cells = {"a": {"sex": "F", "lesion_centre_mm": "1 2 3"}, "b": {"sex": "M"}}
    assert coded(cells, ["a", "b"]).columns == ("sex = M",)
    assert caplog.records == []


def test_the_mask_of_the_lesion_can_be_a_channel(paths, tmp_path):
    for number, case in enumerate(load_raw_dataset(paths.raw).cases):
        mask = np.zeros(GRID.shape, dtype=np.uint8)  # those of two patients are never the same
        mask[3:6, 3:6, 3 : 4 + number] = 1
        mask[9:12, 9:12, 3 : 4 + number] = 2
        write_image(paths.raw / "masksTr" / f"{case.case_id}_lesion.nii.gz", mask, GRID)
    split_lesions(paths.raw, mask_channel=True)
    raw = load_raw_dataset(paths.raw)
    channel = raw.dataset.channels[-1]
    assert (channel.name, channel.kind, channel.mask) == ("lesion", "mask", "lesion")
    assert raw.images(raw.cases[1])[-1] == raw.mask(raw.cases[1], "lesion")
    assert run(tmp_path, "--region", "head") == 0
    plan = documents.read(Plan, paths.plan())
    assert [each.name for each in plan.channels] == ["T1c", "dose", "lesion"]
    assert plan.region == RegionPlan("head", per_lesion=True)


def test_images_without_lesions_and_of_two_patients_are_refused(paths, tmp_path, capsys):
    (paths.raw / "masksTr" / "case04_lesion.nii.gz").unlink()
    with pytest.raises(RegionError, match="case04_lesion"):
        split_lesions(paths.raw)
    write_image(paths.raw / "masksTr" / "case04_lesion.nii.gz", np.zeros(GRID.shape), GRID)
    with pytest.raises(RegionError, match="empty") as caught:
        split_lesions(paths.raw)
    assert caught.value.case == "case04"
    assert not (paths.raw / "cases_of_images.csv").exists()
    write_image(paths.raw / "masksTr" / "case04_lesion.nii.gz", _lesions(), GRID)
    split_lesions(paths.raw)
    text = (paths.raw / "cases.csv").read_text()
    (paths.raw / "cases.csv").write_text(text.replace("case04_l2,p04", "case04_l2,p99"))
    assert run(tmp_path, "--verify_only") == 2
    assert "image of two" in capsys.readouterr().out.replace("│", " ")


class _Net(torch.nn.Module):
    """Says of a lesion what its mean is."""

    def forward(self, batch):
        level = batch[:, 0].mean(dim=(1, 2, 3)) * 10
        return torch.stack([-level, level], dim=1)


@pytest.mark.parametrize("rule", ["worst", "mean", "largest"])
def test_new_patients_are_predicted_by_lesion_and_by_patient(paths, tmp_path, rule):
    split_lesions(paths.raw)
    assert run(tmp_path, "--lesion_margin", "4") == 0
    plan = documents.read(Plan, paths.plan())
    dataset = load_raw_dataset(paths.raw).dataset
    ensemble = Ensemble(plan, dataset, {0: _Net().eval()}, torch.device("cpu"), {"fold_0": "h"})
    new = tmp_path / "new"
    for case in ("case00", "case01"):
        for path in (paths.raw / "imagesTr").glob(f"{case}_*"):
            target = new / "imagesTs" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    write_image(new / "masksTs" / "case00_lesion.nii.gz", _lesions(), GRID)
    out = tmp_path / "out"
    found = predict_folder(ensemble, new / "imagesTs", out, mirror=False, per_patient=rule)
    assert [case.case_id for case in found.cases] == ["case00_l1", "case00_l2"]
    assert [case.case_id for case in found.failed] == ["case01"]
    assert "case01_lesion.nii.gz" in found.failed[0].error
    assert sorted(path.name for path in (out / "lesions").iterdir()) == [
        "case00_l1_lesion.nii.gz",
        "case00_l2_lesion.nii.gz",
    ]
    with (out / "patients.csv").open() as file:
        (row,) = csv.DictReader(file)
    shares = [case.probabilities[1] for case in found.cases]
    expected = {"worst": max(shares), "mean": sum(shares) / 2, "largest": shares[0]}[rule]
    assert (row["patient_id"], row["rule"], row["lesions"]) == ("case00", rule, "2")
    assert float(row[f"prob_{dataset.classes[1]}"]) == pytest.approx(expected, abs=1e-6)
