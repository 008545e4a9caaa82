"""The option --region, from planning to a new patient."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from tests.cli.tiny_dataset import NAME, run, some_cases, write_tiny

GRID = Grid((16, 16, 16), (2.0, 2.0, 2.0))


def _mask(paths, case: str, name: str, *box: slice) -> None:
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[box] = 1
    write_image(paths.raw / "masksTr" / f"{case}_{name}.nii.gz", mask, GRID)


@pytest.fixture
def paths(tmp_path):
    return write_tiny(tmp_path, some_cases(10))


def _text(printed: str) -> str:
    """What was printed, without the lines of tables; cells that are broken are read in columns."""
    return " ".join(re.sub("[│┃]", " ", printed).split())


def _plan(paths) -> Plan:
    return documents.read(Plan, paths.plan())


def test_a_ct_without_a_mask_is_cropped_to_the_head(paths, tmp_path, capsys):
    raw = load_raw_dataset(paths.raw)
    rng = np.random.default_rng(0)
    for case in raw.cases:
        ct = np.full(GRID.shape, -1000.0)
        ct[4:12, 5:12, 4:13] = rng.normal(40, 20, (8, 7, 9))
        write_image(raw.images(case)[0], ct.astype("float32"), GRID)
    fields = json.loads((paths.raw / "dataset.json").read_text())
    fields["channels"][0]["kind"] = "ct"
    (paths.raw / "dataset.json").write_text(json.dumps(fields))
    assert run(tmp_path, "--spacing", "2", "2", "2") == 0
    plan, record = _plan(paths), read_record(paths.cases(), "case00")
    assert (plan.region, plan.regions) == (RegionPlan("head"), ("head",))
    assert (record.crop_start, record.crop_stop) == ((4, 5, 4), (12, 12, 13))
    # The constants are those of tissue: the air of -1000 HU takes no part.
    normalisation = plan.channels[0].normalisation
    assert abs(normalisation.mean - 40) < 2
    assert normalisation.std < 25
    assert "no training case has a brain mask" in capsys.readouterr().out


def test_all_cases_have_one_region_or_none_has(paths, tmp_path, capsys):
    for number in range(9):
        _mask(paths, f"case{number:02d}", "brain", *[slice(5, 11)] * 3)
    assert run(tmp_path) == 0
    assert _plan(paths).region == RegionPlan("head")
    assert read_record(paths.cases(), "case00").region == "head"  # though it has a mask
    assert "only 9 of 10" in capsys.readouterr().out
    assert run(tmp_path, "--region", "brain", "--overwrite") == 2
    said = capsys.readouterr().err
    assert "case09_brain.nii.gz" in said
    assert "--region head" in said
    assert _plan(paths).region == RegionPlan("head")
    assert run(tmp_path, "--region", "brain", "--verify_only", "--overwrite") == 2
    _mask(paths, "case09", "brain", *[slice(5, 11)] * 3)
    assert run(tmp_path, "--overwrite") == 0
    assert _plan(paths).region == RegionPlan("brain")
    assert run(tmp_path, "--region", "image") == 2
    assert "region brain instead of image" in capsys.readouterr().err


def test_a_lesion_is_cropped_with_its_margin(paths, tmp_path, capsys):
    for number in range(10):
        _mask(paths, f"case{number:02d}", "lesion", slice(7, 9), slice(6, 8), slice(8, 9))
    assert run(tmp_path, "--region", "lesion", "--lesion_margin", "4") == 0
    plan, record = _plan(paths), read_record(paths.cases(), "case03")
    assert plan.region == RegionPlan("lesion", 4.0)
    assert (record.crop_start, record.crop_stop) == ((5, 4, 6), (11, 10, 11))
    seen = read_array(paths.cases(), "case03")[0]
    inside = seen[seen != 0]
    assert abs(float(inside.mean())) < 1e-3  # normalised in the crop
    assert abs(float(inside.std()) - 1) < 1e-3
    assert "4 mm around it" in _text(capsys.readouterr().out)
    assert run(tmp_path, "--region", "lesion", "--overwrite") == 0
    assert _plan(paths).region == RegionPlan("lesion", 20.0)
    (paths.raw / "masksTr" / "case03_lesion.nii.gz").unlink()
    assert run(tmp_path) == 2
    assert "case03_lesion.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda paths: _mask(paths, "case04", "lesion", slice(0, 0)), "empty lesion mask"),
        (
            lambda paths: write_image(
                paths.raw / "masksTr" / "case04_lesion.nii.gz",
                np.ones(GRID.shape, dtype=np.uint8),
                Grid(GRID.shape, GRID.spacing, (500.0, 0.0, 0.0)),
            ),
            "wholly",
        ),
        (
            lambda paths: _mask(paths, "case04", "lesion", *[slice(0, 1)] * 3),
            "outside of the patient",
        ),
    ],
)
def test_lesion_masks_that_cannot_be_used_are_refused(paths, tmp_path, capsys, spoil, said):
    for number in range(10):
        _mask(paths, f"case{number:02d}", "lesion", *[slice(7, 9)] * 3)
    spoil(paths)
    assert run(tmp_path, "--region", "lesion") == 2
    printed = capsys.readouterr()
    text = _text(printed.out + printed.err)
    assert "case04" in text
    assert said in text


def test_a_test_case_without_the_mask_fails_alone(paths, tmp_path, capsys):
    raw = load_raw_dataset(paths.raw)
    for case in raw.cases:
        _mask(paths, case.case_id, "brain", *[slice(5, 11)] * 3)
    assert run(tmp_path) == 0
    late = Case("late", "late", raw.cases[0].label, "test")
    for index, image in enumerate(raw.images(raw.cases[0])):
        voxels, grid = read_image(image)
        write_image(paths.raw / "imagesTs" / f"late_{index:04d}.nii.gz", voxels * 0.9, grid)
    write_raw_tables(paths.raw, raw.dataset, [*raw.cases, late])
    assert run(tmp_path) == 1
    assert "late_brain.nii.gz" in " ".join(capsys.readouterr().out.split())


def test_a_crop_that_removes_nothing_is_warned_of(tmp_path, capsys):
    paths = write_tiny(tmp_path, some_cases(10))
    raw = load_raw_dataset(paths.raw)
    rng = np.random.default_rng(1)
    for case in raw.cases:
        write_image(raw.images(case)[0], rng.normal(500, 50, GRID.shape).astype("float32"), GRID)
    assert run(tmp_path, "--plan_only") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "removes nothing in 10 of 10 training cases" in said
    assert run(tmp_path, "--plan_only", "--region", "image", "--overwrite") == 0
    assert "Warning: the region" not in capsys.readouterr().out
    assert NAME in said
