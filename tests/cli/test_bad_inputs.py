"""Inputs as clinics have them that cannot be used end in a named error, by the commands."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.cli import predict, train
from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from tests.cli.tiny_dataset import NAME, run, some_cases, write_tiny

GRID = Grid((16, 16, 16), (2.0, 2.0, 2.0))
ELSEWHERE = Grid(GRID.shape, GRID.spacing, (500.0, 0.0, 0.0))


def _lesion(at: slice) -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[at, at, at] = 1
    return mask


@pytest.fixture(scope="module")
def around_lesions(tmp_path_factory):
    """A workspace with a network that looks at lesions."""
    space = tmp_path_factory.mktemp("lesions")
    paths = write_tiny(space, some_cases(10))
    for number, case in enumerate(load_raw_dataset(paths.raw).cases):
        mask = _lesion(slice(6, 9 + number % 3))
        write_image(paths.raw / "masksTr" / f"{case.case_id}_lesion.nii.gz", mask, GRID)
    assert run(space, "--region", "lesion", "--lesion_margin", "4", "--preset", "small") == 0
    words = [NAME, "full", "--plan", "small", "--workspace", str(space), "--device", "cpu"]
    words += ["--epochs", "1", "--num_workers", "0", "--set", "iterations_per_epoch=1"]
    assert train.main(words) == 0
    return paths


def test_new_patients_whose_lesion_masks_cannot_be_used_fail_alone(around_lesions, tmp_path):
    """Empty, in the air, on the grid of another image, missing; and one that is right."""
    masks = {
        "right": (_lesion(slice(6, 9)), GRID),
        "empty": (_lesion(slice(0, 0)), GRID),
        "air": (_lesion(slice(0, 1)), GRID),
        "elsewhere": (_lesion(slice(6, 9)), ELSEWHERE),
        "without": None,
    }
    (source, *_) = load_raw_dataset(around_lesions.raw).cases
    images = load_raw_dataset(around_lesions.raw).images(source)
    for name, mask in masks.items():
        for n, image in enumerate(images):
            voxels, grid = read_image(image)
            write_image(tmp_path / "imagesTs" / f"{name}_{n:04d}.nii.gz", voxels, grid)
        if mask is not None:
            write_image(tmp_path / "masksTs" / f"{name}_lesion.nii.gz", *mask)
    model = around_lesions.run("small", "all__full").folder
    words = ["-i", str(tmp_path / "imagesTs"), "-o", str(tmp_path / "out"), "-m", str(model)]
    assert predict.main([*words, "--device", "cpu"]) == 1
    made = documents.read(Predictions, tmp_path / "out" / "predictions.json")
    assert [case.case_id for case in made.cases] == ["right"]
    errors = {failed.case_id: failed.error for failed in made.failed}
    assert "empty_lesion.nii.gz: 0 of 4096 voxels above 0.5" in errors["empty"]
    assert "The lesion lies outside of the patient" in errors["air"]
    assert "elsewhere_lesion.nii.gz: it lies wholly outside of the image" in errors["elsewhere"]
    assert "without_lesion.nii.gz" in errors["without"]


def test_a_patient_with_a_dose_alone_is_named_before_planning(tmp_path, capsys):
    paths = write_tiny(tmp_path, some_cases(10))
    (paths.raw / "imagesTr" / "case04_0000.nii.gz").unlink()
    assert run(tmp_path, "--allow_missing_channels") == 2
    assert "case04" in capsys.readouterr().out
    (error,) = documents.read(Integrity, paths.integrity).errors
    assert (error.case, error.found) == ("case04", "no channel that shows the patient; there: dose")
    assert not paths.plan().exists()


@pytest.mark.parametrize(
    ("of_tumours", "of_others", "told"),
    [
        ("a", "ab", "All training cases of a class are of one centre"),
        ("a", "a", "The values of centre cannot serve as groups to hold out in turn"),
    ],
)
def test_groups_that_hold_out_a_class_are_refused(tmp_path, capsys, of_tumours, of_others, told):
    paths = write_tiny(tmp_path, some_cases(10))
    raw, rows = load_raw_dataset(paths.raw), []
    for number, case in enumerate(raw.cases):
        centres = of_tumours if case.label == "tumour" else of_others
        centre = centres[number // 2 % len(centres)]
        rows.append(Case(case.case_id, case.patient_id, case.label, covariates={"centre": centre}))
    write_raw_tables(paths.raw, raw.dataset, rows)
    assert run(tmp_path, "--group", "centre") == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not paths.plan().exists()
