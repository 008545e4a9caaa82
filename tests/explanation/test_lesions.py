"""Lesions of one patient explained one by one; patients without a brain mask."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.explanation.finished import case_file
from ricenet_v2.explanation.folder import explain_folder
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.records.report import ReportSection
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.tables import read_rows

GRID = Grid((20, 20, 20), (2.0, 2.5, 2.5), (-4.0, 5.0, 6.0))
MARGIN = 6.0
OPTIONS = ExplanationOptions(
    kinds=("occlusion", "hirescam"), occlusion=OcclusionSettings(10, 10), sanity=False, untrained=0
)
BANDS = {
    "dose 0 to 20 %": (0, 12),
    "dose 20 to 50 %": (12, 30),
    "dose 50 to 80 %": (30, 48),
    "dose 80 to 95 %": (48, 57),
    "dose above 95 %": (57, 1000),
}
"""Gy of 60 Gy."""


def _away(centre):
    places = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    return np.linalg.norm((places - centre) * GRID.spacing, axis=-1)


HEAD = _away((10, 10, 10)) < 19
LESIONS = {1: _away((6, 8, 9)) < 4, 2: _away((13, 12, 12)) < 5}
DOSE = 62 / (1 + np.exp((_away((9, 10, 10)) - 8) / 2))


@pytest.fixture
def two_lesions(patients):
    """The raw folder with the images of one patient, 0 around the head, and its two lesions."""
    random = np.random.default_rng(3)
    mri = np.where(HEAD, random.normal(300, 20, GRID.shape), 0)
    mri += 200 * (LESIONS[1] | LESIONS[2])
    for file in [*(patients / "imagesTs").iterdir(), *(patients / "masksTs").iterdir()]:
        file.unlink()
    for n, image in enumerate((mri, DOSE)):
        path = patients / "imagesTs" / f"p0_000{n}.nii.gz"
        write_image(path, image.astype(np.float32), GRID)
    numbers = (LESIONS[1] + 2 * LESIONS[2]).astype(np.uint8)
    write_image(patients / "masksTs" / "p0_lesion.nii.gz", numbers, GRID)
    return patients


def _looking_at(ensemble, region):
    plan = dataclasses.replace(ensemble.plan, region=region, spacing=GRID.spacing)
    return dataclasses.replace(ensemble, plan=plan)


def _box(record):
    """Voxels of the image that the networks see, all at the spacing of the plan."""
    box = np.zeros(GRID.shape, dtype=bool)
    box[tuple(map(slice, record.crop_start, record.crop_stop))] = True
    return box


def _counted(file, parts, region):
    """Shares of the map in the file, voxel by voxel, and the parts' shares of the region."""
    size = np.abs(read_image(file)[0]).astype(np.float64)
    total = size[region].sum()
    shares = {name: size[mask & region].sum() / total for name, mask in parts.items()}
    volumes = {name: np.mean(mask[region]) for name, mask in parts.items()}
    return shares, volumes, size[~region].sum() / size.sum()


def test_shares_of_each_lesion_are_those_counted_in_its_maps(two_lesions, ensemble, tmp_path):
    out = tmp_path / "out"
    looking = _looking_at(ensemble, RegionPlan("lesion", MARGIN, per_lesion=True))
    made = explain_folder(looking, two_lesions / "imagesTs", out, OPTIONS)
    assert made.failed == {}
    assert made.cases == ("p0_l1", "p0_l2")
    rows = read_rows(out / "explanation.csv")
    for number, lesion in LESIONS.items():
        name = f"p0_l{number}"
        case = documents.read(ExplainedCase, case_file(out, name))
        box = _box(case.source)
        assert box[lesion].all()
        assert not box[LESIONS[3 - number]].all()
        near = np.min([_away(place) for place in np.argwhere(lesion)], axis=0) <= 10
        parts = {"lesion": lesion, "ring of 10 mm around the lesion": near & ~lesion}
        parts |= {band: (low <= DOSE) & (high > DOSE) for band, (low, high) in BANDS.items()}
        for each in (one for one in case.maps if one.channel == "all"):
            shares, volumes, outside = _counted(out / each.file, parts, HEAD & box)
            assert each.shares.found == pytest.approx(
                {**shares, "outside the head": outside}, abs=1e-4
            )
            assert each.shares.expected == pytest.approx(volumes, abs=1e-6)
            told = {
                row["part"]: float(row["share"])
                for row in rows
                if (row["case_id"], row["map"]) == (name, each.name) and row["part"] != "channel"
            }
            assert told == pytest.approx(each.shares.found)
            assert each.shares.found["lesion"] > 0


def test_lesions_of_one_patient_are_one_patient_in_the_tests(two_lesions, ensemble, tmp_path):
    """With rows of lesions, with a row of the image alone, and with neither."""
    looking = _looking_at(ensemble, RegionPlan("lesion", MARGIN, per_lesion=True))
    fast = dataclasses.replace(OPTIONS, kinds=("hirescam",))
    dose = {"prescription_gy": "50"}
    tables = {
        "lesion": [Case(f"p0_l{n}", "who", "first", "test", dose, image_id="p0") for n in (1, 2)],
        "image": [Case("p0", "who", "first", "test", dose)],
        "first": [Case("p0_l1", "who", "first", "test", dose, image_id="p0")],
    }
    patients, isodoses = {}, {}
    for name in (*tables, "none"):
        if name in tables:
            write_raw_tables(two_lesions, ensemble.dataset, tables[name])
        else:
            (two_lesions / "cases.csv").unlink()
        out = tmp_path / name
        made = explain_folder(looking, two_lesions / "imagesTs", out, fast)
        cases = [documents.read(ExplainedCase, case_file(out, case)) for case in made.cases]
        patients[name] = [case.patient_id for case in cases]
        isodoses[name] = [case.isodose.endswith("50 Gy") for case in cases]
    assert patients == {name: [("p0" if name == "none" else "who")] * 2 for name in patients}
    assert isodoses == {name: [name != "none"] * 2 for name in isodoses}


@pytest.mark.parametrize(
    ("kind", "named", "outside"),
    [("head", "head", {"outside the head"}), ("image", "whole image", set())],
)
def test_without_a_brain_mask_nothing_is_called_the_brain(
    kind, named, outside, two_lesions, ensemble, tmp_path
):
    out = tmp_path / "out"
    looking = _looking_at(ensemble, RegionPlan(kind))
    explain_folder(looking, two_lesions / "imagesTs", out, OPTIONS)
    rows = read_rows(out / "explanation.csv")
    assert {row["part"] for row in rows if "outside" in row["part"]} == outside
    assert {row["region"] for row in rows} == {named}
    part = documents.read(ReportSection, out / "report_part.json")
    (table,) = [table for table in part.tables if "part" in table.columns]
    assert f"inside the region of each case ({named}: 1 case" in table.note
    said = [
        part.words,
        part.cases["p0"][0].caption,
        *(each.title + each.note for each in part.tables),
    ]
    said += [cell for each in part.tables for row in each.rows for cell in row]
    assert "brain" not in " ".join(said + [",".join(row.values()) for row in rows])
