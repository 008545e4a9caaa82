"""Sizes that no patient has, and sizes that no other case has."""

import json
import shutil

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.checks_size import CaseSizes, check_size, check_usual
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check, check_case
from ricenet_v2.records.typical import sizes_of

PLACE = Place("case", "file")


@pytest.mark.parametrize(
    ("shape", "spacing", "told"),
    [
        ((240, 240, 155), (1.0, 1.0, 1.0), []),
        ((10, 512, 512), (1.0, 0.5, 0.5), []),
        ((1000, 500, 500), (2.5, 1.0, 1.0), []),
        ((9, 512, 512), (1.0, 0.5, 0.5), ["extent of 9 x 256 x 256 mm"]),
        ((1001, 500, 500), (2.5, 1.0, 1.0), ["extent of 2502 x 500 x 500 mm"]),
        ((24, 28, 24), (0.001,) * 3, ["extent of 0.024", "spacing of 0.001"]),
        ((600, 600, 600), (0.02,) * 3, []),
        ((600, 600, 600), (0.019,) * 3, ["spacing of 0.019"]),
        ((20, 20, 20), (30.0,) * 3, []),
        ((20, 20, 20), (31.0, 1.0, 1.0), ["spacing of 31"]),
        ((24, 28, 24), (1000.0,) * 3, ["extent", "spacing"]),
    ],
)
def test_an_image_has_the_size_of_a_patient(shape, spacing, told):
    grid = Grid(shape, spacing)
    found = check_size(grid, PLACE, allow_any=False)
    assert len(found) == len(told)
    for finding, words in zip(found, told, strict=True):
        assert finding.severity == "error"
        assert words in finding.found
        assert "allow_any_size" in finding.remedy
    assert check_size(grid, PLACE, allow_any=True) == []


def test_the_dataset_says_whether_any_size_is_allowed(planted):
    assert check(planted.load()).findings == ()
    fields = json.loads((planted.folder / "dataset.json").read_text())
    assert fields["allow_any_size"] is True
    planted.any_size = False
    found = check(planted.load()).findings
    assert "allow_any_size" not in json.loads((planted.folder / "dataset.json").read_text())
    assert [(one.check, one.case) for one in found] == [
        ("physical size", f"case{n}") for n in range(4)
    ] + [("physical size", "test0")]
    assert "18 x 8 x 20 mm" in found[0].found


def test_a_new_patient_is_judged_like_a_case(planted):
    paths = [planted.path("case2", index) for index in (0, 1)]
    seen = check_case(planted.cases[2], planted.channels, paths)
    assert [one.check for one in seen.findings] == ["physical size"]
    assert seen.images is None


def sizes(case, extent=(160, 200, 160), spacing=(1, 1, 1), volume=1400.0):
    return CaseSizes(Place(case, "file"), sizes_of(extent, spacing, volume, "brain mask"))


ODD = {
    "extent along y, mm": {"extent": (160, 90, 160)},
    "spacing along z, mm": {"spacing": (2, 1, 1)},
    "volume of the brain mask, mL": {"volume": 300.0},
}


@pytest.mark.parametrize("quantity", ODD)
def test_a_case_far_from_the_others_is_a_warning(quantity):
    random = np.random.default_rng(0)
    cases = [sizes(f"c{n}", volume=float(random.uniform(1200, 1600))) for n in range(11)]
    assert check_usual([*cases, sizes("c11")]) == []
    (found,) = check_usual([*cases, sizes("c11", **ODD[quantity])])
    assert (found.severity, found.check, found.case) == ("warning", "unusual size", "c11")
    assert found.found.startswith(quantity)
    few = [*cases[:8], sizes("c11", **ODD[quantity])]
    assert check_usual(few) == []
    parts = [*cases, *(sizes(f"d{n}", **ODD[quantity]) for n in range(3))]
    assert check_usual(parts) == []


def test_the_check_of_a_dataset_compares_its_cases(planted):
    for n in range(4, 12):
        planted.add(f"case{n}", f"q{n}", ("tumour", "RICE")[n % 2])
    for index in (0, 1):
        image = np.random.default_rng(index).normal(40, 3, (6, 8, 10)).astype(np.float32)
        planted.put("case3", index, image, Grid((6, 8, 10), (9.0, 3.0, 6.0)))
    (found,) = check(planted.load()).findings
    assert (found.check, found.case) == ("unusual size", "case3")
    assert found.found.startswith(
        "extent along z, y, x, mm: 54, 24, 60; spacing along z, y, x, mm: 9, 3, 6; volume of the"
    )
    # 18, 8 and 20 mm divided and multiplied by 1.5.
    assert found.expected.startswith("12 to 27, 5.33 to 12, 13.3 to 30; 2 to 4.5, ")


def test_a_case_without_size_is_one_row_and_spoils_no_other():
    cases = [sizes(f"c{n}") for n in range(20)]
    tiny = sizes("tiny", (0.024, 0.028, 0.024), (0.001,) * 3, 4e-9)
    (found,) = check_usual([*cases, tiny])
    assert found.case == "tiny"
    assert "volume of the brain mask, mL: 4e-09" in found.found


def test_one_image_in_two_channels_of_a_new_patient(planted):
    image, dose = (planted.path("case0", index) for index in (0, 1))
    shutil.copy(dose, image)
    seen = check_case(planted.cases[0], planted.channels, [image, dose], allow_any_size=True)
    assert [(one.severity, one.check) for one in seen.findings] == [
        ("warning", "same image in two channels")
    ]
    assert seen.images is not None


@pytest.mark.parametrize("ending", [".mhd", ".nhdr", ".hdr"])
def test_files_of_voxels_belong_to_their_case(planted, ending):
    planted.use_ending(ending)
    result = check(planted.load())
    assert [one for one in result.findings if one.check == "unexpected file"] == []
    files = planted.path("case1", 0).parent.glob("case1_0000.*")
    (voxels,) = (file for file in files if file.suffix != ending)
    whole = voxels.read_bytes()
    voxels.write_bytes(whole[: len(whole) // 2])
    (fault,) = check(planted.load()).errors
    assert (fault.check, fault.file) == ("unreadable file", f"imagesTr/case1_0000{ending}")
