"""Every fault is planted once, and exactly what was planted is found."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting import inspection
from ricenet_v2.fingerprinting.integrity import check, check_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.images import read_image, write_image
from tests.hostile_case import endless_file, read_endless

if TYPE_CHECKING:
    from conftest import Planted

Short = tuple[str, str, str, str]


def _short(findings: tuple[Finding, ...]) -> set[Short]:
    return {(f.severity, f.check, f.case, f.file) for f in findings}


def _image(planted: Planted, case_id: str, index: int) -> tuple[np.ndarray, Grid]:
    return read_image(planted.path(case_id, index))


def test_a_sound_dataset_has_no_findings(planted: Planted) -> None:
    result = check(planted.load())
    assert result.findings == ()
    assert (result.n_cases, result.n_images) == (5, 10)


def test_a_missing_channel(planted: Planted) -> None:
    planted.path("case1", 1).unlink()
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "missing channel", "case1", "imagesTr/case1_0001.nii.gz")
    }
    assert "dose" in result.errors[0].found
    assert "remove it from cases.csv" in result.errors[0].remedy
    assert result.n_images == 9


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("nowhere"), lambda path: path.mkdir()]
)
def test_what_is_no_regular_file_is_not_opened(planted: Planted, make) -> None:
    path = planted.path("case1", 1)
    path.unlink()
    make(path)
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "unreadable file", "case1", "imagesTr/case1_0001.nii.gz")
    }
    assert "file" in result.errors[0].found or "link" in result.errors[0].found


def test_a_mask_that_is_no_regular_file_is_not_taken_for_none(planted: Planted) -> None:
    mask = planted.folder / "masksTr" / "case1_brain.nii.gz"
    mask.parent.mkdir()
    os.mkfifo(mask)
    assert _short(check(planted.load()).findings) == {
        ("error", "unreadable file", "case1", "masksTr/case1_brain.nii.gz"),
        ("warning", "partial masks", "", "masksTr"),
    }


def test_any_error_of_one_case_is_its_finding_and_the_others_are_checked(
    planted: Planted, monkeypatch, tmp_path: Path
) -> None:
    real = inspection.check_position

    def broken(path, place):
        if place.case == "case1":
            raise OverflowError("far away")
        if place.case == "case2":
            read_endless(pipe)
        return real(path, place)

    planted.path("case3", 1).unlink()
    monkeypatch.setattr(inspection, "check_position", broken)
    with endless_file(tmp_path) as pipe:
        result = check(planted.load(), seconds=2.0)
    assert _short(result.findings) == {
        ("error", "unreadable file", "case1", ""),
        ("error", "took too long", "case2", ""),
        ("error", "missing channel", "case3", "imagesTr/case3_0001.nii.gz"),
    }
    assert {"OverflowError: far away"} < {one.found for one in result.errors}


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_an_unreadable_file(planted: Planted, content: bytes) -> None:
    planted.path("case2", 0).write_bytes(content)
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "unreadable file", "case2", "imagesTr/case2_0000.nii.gz")
    }


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_truncated_file_is_unreadable(planted: Planted, ending: str) -> None:
    planted.use_ending(ending)
    path = planted.path("case2", 1)
    path.write_bytes(path.read_bytes()[:-200])
    assert _short(check(planted.load()).findings) == {
        ("error", "unreadable file", "case2", f"imagesTr/case2_0001{ending}")
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (
            {"origin": (-10.0, 5.0, 7.3)},
            "0.3 mm apart; only the origin differs: -10 x 5 x 7.3",
        ),
        ({"spacing": (3.0, 1.05, 2.0)}, "spacing 3 x 1.05 x 2"),
        (
            {"direction": (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)},
            "direction",
        ),
    ],
)
def test_a_channel_on_another_grid(planted: Planted, change: dict[str, object], word: str) -> None:
    image, grid = _image(planted, "case0", 1)
    planted.put("case0", 1, image, replace(grid, **change))  # type: ignore[arg-type]
    result = check(planted.load())
    assert _short(result.findings) == {("error", "geometry", "case0", "imagesTr/case0_0001.nii.gz")}
    assert word in result.errors[0].found
    assert "case0_0000.nii.gz" in result.errors[0].expected


def test_a_channel_of_another_shape(planted: Planted) -> None:
    image, grid = _image(planted, "case0", 1)
    planted.put("case0", 1, image[:-1], replace(grid, shape=(5, 8, 10)))
    result = check(planted.load())
    assert _short(result.findings) == {("error", "geometry", "case0", "imagesTr/case0_0001.nii.gz")}
    assert "5 x 8 x 10" in result.errors[0].found


def test_rounding_in_a_header_is_no_fault(planted: Planted) -> None:
    image, grid = _image(planted, "case0", 1)
    planted.put("case0", 1, image, replace(grid, origin=(-10.0, 5.0, 7.05)))
    assert check(planted.load()).findings == ()


def test_a_flipped_file_of_the_same_space_is_no_fault(planted: Planted) -> None:
    """The header says where voxels lie: another storage order is the same image."""
    image, grid = _image(planted, "case0", 1)
    x, y, z = grid.world((0, 0, 9))
    turned = Grid(grid.shape, grid.spacing, (x, y, z), (-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    planted.put("case0", 1, image[:, :, ::-1], turned)
    assert check(planted.load()).findings == ()


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd"])
def test_nan_and_infinite_voxels_are_counted(planted: Planted, ending: str) -> None:
    planted.use_ending(ending)
    image, _ = _image(planted, "case3", 1)
    image[0, 0, :3] = np.nan
    image[1, 1, 1] = -np.inf
    planted.put("case3", 1, image)
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "not finite", "case3", f"imagesTr/case3_0001{ending}")
    }
    assert result.errors[0].found == "3 NaN and 1 infinite of 480 voxels"


def test_constant_images_are_not_taken_for_copies(planted: Planted) -> None:
    for case_id in ("case0", "case1"):
        planted.put(case_id, 0, np.full((6, 8, 10), 7))
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "constant image", f"case{n}", f"imagesTr/case{n}_0000.nii.gz") for n in (0, 1)
    }


def test_an_empty_mask_channel_is_only_a_warning(planted: Planted) -> None:
    planted.channels = (planted.channels[0], Channel("lesion", "mask"))
    for number, case in enumerate(planted.cases):
        mask = np.zeros((6, 8, 10))
        mask[2, 2, 2 : 2 + number] = 1
        planted.put(case.case_id, 1, mask, split=case.split)
    assert _short(check(planted.load()).findings) == {
        ("warning", "constant image", "case0", "imagesTr/case0_0001.nii.gz")
    }


def test_labels_that_are_not_classes(planted: Planted) -> None:
    planted.cases[0] = replace(planted.cases[0], label="tumor")
    planted.cases[4] = replace(planted.cases[4], label="")
    assert _short(check(planted.load()).findings) == {
        ("error", "label", "case0", "cases.csv"),
        ("warning", "label", "test0", "cases.csv"),
    }


def test_a_class_without_training_case(planted: Planted) -> None:
    planted.cases = [replace(case, label="RICE") for case in planted.cases]
    result = check(planted.load())
    assert _short(result.findings) == {("error", "class without training case", "", "cases.csv")}
    assert "tumour" in result.errors[0].found


def test_no_training_cases(planted: Planted) -> None:
    raw = planted.load(order=[4])
    kinds = {f.check for f in check(raw).errors}
    assert kinds == {"no training cases"}


def test_a_doubled_case_id(planted: Planted) -> None:
    planted.cases.append(planted.cases[1])
    result = check(planted.load())
    assert _short(result.findings) == {("error", "duplicate case id", "case1", "cases.csv")}
    assert result.n_images == 10


def test_a_patient_in_train_and_test(planted: Planted) -> None:
    planted.cases[4] = replace(planted.cases[4], patient_id="p2")
    result = check(planted.load())
    assert _short(result.findings) == {("error", "patient in train and test", "", "cases.csv")}
    assert result.errors[0].found == "patient p2: train case2; test test0"


def test_one_image_of_two_patients(planted: Planted) -> None:
    image, grid = _image(planted, "case0", 0)
    write_image(planted.path("test0", 0, "test"), image, replace(grid, origin=(0.0, 0.0, 0.0)))
    image, _ = read_image(planted.path("test0", 1, "test"))
    planted.put("test0", 1, image, replace(grid, origin=(0.0, 0.0, 0.0)), "test")
    result = check(planted.load())
    assert _short(result.findings) == {
        ("error", "same image in two cases", "case0", "imagesTr/case0_0000.nii.gz")
    }
    assert "imagesTs/test0_0000.nii.gz (case test0, patient p9)" in result.errors[0].found


def test_one_patient_may_share_an_image_between_events_but_not_all(planted: Planted) -> None:
    planted.cases[1] = replace(planted.cases[1], patient_id="p0")
    planted.put("case1", 1, _image(planted, "case0", 1)[0])
    shared = ("same image in two cases", "case0", "imagesTr/case0_0001.nii.gz")
    assert _short(check(planted.load()).findings) == {("warning", *shared)}
    planted.put("case1", 0, _image(planted, "case0", 0)[0])
    assert _short(check(planted.load()).findings) == {
        ("error", *shared),
        ("error", "same image in two cases", "case0", "imagesTr/case0_0000.nii.gz"),
    }


def test_one_image_in_two_channels(planted: Planted) -> None:
    planted.channels = (planted.channels[0], Channel("T1c_event", "mri"))
    planted.put("case1", 1, _image(planted, "case1", 0)[0])
    assert _short(check(planted.load()).findings) == {
        ("warning", "same image in two channels", "case1", "imagesTr/case1_0000.nii.gz")
    }


@pytest.mark.parametrize(
    ("maximum", "covariates", "severity", "kind", "advice"),
    [
        (6000.0, {}, "error", "dose in cGy", "60 Gy"),
        (200.1, {}, "error", "dose in cGy", "2.001 Gy"),
        (95.0, {}, "warning", "dose is high", "several courses"),
        (29.9, {}, "warning", "dose is low", "part of the treatment"),
        (10.0, {}, "warning", "dose is low", "part of the treatment"),
        (2.0, {"fractions": "30"}, "warning", "dose of one fraction", "then 60 Gy"),
        (2.67, {"fractions": "15"}, "warning", "dose of one fraction", "then 40.05 Gy"),
        (2.0, {"fractions": "unknown"}, "warning", "dose of one fraction", "number of fractions"),
        (1.05, {}, "warning", "dose of one fraction", "If 1.0 stands for the prescription"),
    ],
)
def test_a_dose_that_is_not_a_course_in_gray(
    planted: Planted,
    maximum: float,
    covariates: dict[str, str],
    severity: str,
    kind: str,
    advice: str,
) -> None:
    image, _ = _image(planted, "case1", 1)
    planted.put("case1", 1, image / image.max() * maximum)
    planted.cases[1] = replace(planted.cases[1], covariates=covariates)
    result = check(planted.load())
    assert _short(result.findings) == {(severity, kind, "case1", "imagesTr/case1_0001.nii.gz")}
    assert advice in result.findings[0].remedy


@pytest.mark.parametrize("maximum", [30.0, 40.05, 60.0, 80.0])
def test_doses_of_usual_courses_pass(planted: Planted, maximum: float) -> None:
    image, _ = _image(planted, "case1", 1)
    image = (image / 60 * np.float32(maximum)).astype(np.float32)
    planted.put("case1", 1, image)
    assert check(planted.load()).findings == ()


def test_a_covariate_of_the_dose_that_is_no_number(planted: Planted) -> None:
    for n, cell in enumerate(("60 Gy", "n/a", "60", "-5")):
        planted.cases[n] = replace(planted.cases[n], covariates={"prescription_gy": cell})
    planted.cases[4] = replace(planted.cases[4], covariates={"fractions": "30x2"})
    findings = check(planted.load()).findings
    assert _short(findings) == {
        ("warning", "covariate", case, "cases.csv") for case in ("case0", "case3", "test0")
    }
    assert findings[0].found == "prescription_gy is '60 Gy'"


@pytest.mark.parametrize(("label", "found"), [("", "no label"), ("n/a", "no label (n/a)")])
def test_a_test_case_without_a_label(planted: Planted, label: str, found: str) -> None:
    planted.cases[4] = replace(planted.cases[4], label=label)
    findings = check(planted.load()).findings
    assert [(one.severity, one.found) for one in findings] == [("warning", found)]


def test_negative_dose_is_counted(planted: Planted) -> None:
    image, _ = _image(planted, "case1", 1)
    image[2, 2, 2:6] = -0.5
    planted.put("case1", 1, image)
    result = check(planted.load())
    assert _short(result.findings) == {
        ("warning", "negative dose", "case1", "imagesTr/case1_0001.nii.gz")
    }
    assert result.findings[0].found == "4 of 480 voxels below 0, lowest -0.5 Gy"


@pytest.mark.parametrize(
    ("unit", "severity", "advice"),
    [
        ("RELATIVE", "error", "1.0 stands for"),
        ("cGy", "error", "Convert"),
        (None, "warning", "Write the unit"),
    ],
)
def test_the_unit_of_a_dose(planted: Planted, unit: str | None, severity: str, advice: str) -> None:
    planted.channels = (planted.channels[0], Channel("dose", "dose", unit=unit))
    result = check(planted.load())
    assert _short(result.findings) == {(severity, "dose unit", "", "")}
    assert advice in result.findings[0].remedy


@pytest.mark.parametrize(
    ("unit", "is_other"),
    [(None, False), ("HU", False), ("hu", False), ("Hounsfield units", False), ("1/cm", True)],
)
def test_the_unit_of_another_kind_that_has_one(planted: Planted, unit: str, is_other: bool) -> None:
    planted.channels = (Channel("CT", "ct", unit=unit), planted.channels[1])
    (found,) = [each for each in check(planted.load()).findings if "unit" in each.check] or [None]
    assert (found is not None) == is_other
    if found is not None:
        assert (found.severity, found.found) == ("warning", "channel CT has the unit 1/cm")
        assert found.expected.startswith('"unit": "HU"')


def test_files_that_no_case_owns(planted: Planted) -> None:
    planted.put("stranger", 0, np.ones((6, 8, 10)))
    planted.put("case0", 2, np.ones((6, 8, 10)))
    (planted.folder / "imagesTs" / "notes.txt").write_text("x")
    (planted.folder / "imagesTs" / ".DS_Store").write_text("x")
    assert _short(check(planted.load()).findings) == {
        ("warning", "unexpected file", "", "imagesTr/stranger_0000.nii.gz"),
        ("warning", "unexpected file", "", "imagesTr/case0_0002.nii.gz"),
        ("warning", "unexpected file", "", "imagesTs/notes.txt"),
    }


def test_a_case_id_that_is_no_file_name(planted: Planted) -> None:
    planted.cases.append(Case(".hidden", "p7", "RICE"))
    found = _short(check(planted.load()).findings)
    assert ("error", "case id", ".hidden", "cases.csv") in found
    assert {kind for _, kind, _, _ in found} == {"case id"}


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\u202eb"], ids=ascii)
def test_every_name_that_no_file_can_have_is_found(planted: Planted, name: str) -> None:
    planted.cases += [Case(name, "p7", "RICE"), Case(".hidden", "p8", "RICE")]
    found = _short(check(planted.load()).findings)
    assert {case for _, kind, case, _ in found if kind == "case id"} == {name, ".hidden"}
    assert {kind for _, kind, _, _ in found} == {"case id"}


def test_brain_masks(planted: Planted) -> None:
    grid = _image(planted, "case0", 0)[1]
    folder = planted.folder / "masksTr"
    good = np.zeros(grid.shape, dtype=np.uint8)
    good[2:4, 2:4, 2:4] = 1
    write_image(folder / "case0_brain.nii.gz", good, grid)
    write_image(folder / "case1_brain.nii.gz", good * 0, grid)
    write_image(folder / "case2_brain.nii.gz", good, replace(grid, origin=(0.0, 0.0, 0.0)))
    (folder / "case3_brain.nii.gz").write_text("x")
    assert _short(check(planted.load()).findings) == {
        ("error", "empty brain mask", "case1", "masksTr/case1_brain.nii.gz"),
        ("error", "geometry", "case2", "masksTr/case2_brain.nii.gz"),
        ("error", "unreadable file", "case3", "masksTr/case3_brain.nii.gz"),
    }


def test_a_checked_case_hands_over_its_images(planted: Planted) -> None:
    case = planted.cases[2]
    paths = [planted.path("case2", index) for index in (0, 1)]
    brain = planted.folder / "case2_brain.nii.gz"
    grid = _image(planted, "case2", 0)[1]
    marked = np.zeros(grid.shape)
    marked[2:4, 3:5, 4:6] = 1
    write_image(brain, marked, grid)
    for mask in (None, brain):
        seen = check_case(case, planted.channels, paths, mask, allow_any_size=True)
        images, grid, expected = load_case(paths, mask)
        assert seen.findings == ()
        np.testing.assert_array_equal(seen.images, images)
        assert seen.grid == grid
        np.testing.assert_array_equal(seen.brain, expected)
    paths[1].unlink()
    seen = check_case(case, planted.channels, paths, brain, allow_any_size=True)
    assert _short(seen.findings) == {("error", "missing channel", "case2", "case2_0001.nii.gz")}
    assert seen.findings[0].remedy.startswith("Add the image, or leave the patient out.")
    assert (seen.images, seen.grid, seen.brain) == (None, None, None)


@pytest.mark.usefixtures("processes_for_little_work")
def test_many_faults_at_once_do_not_depend_on_order_or_workers(planted: Planted) -> None:
    planted.path("case0", 0).unlink()
    image, grid = _image(planted, "case1", 1)
    planted.put("case1", 1, image * 100, replace(grid, origin=(0.0, 0.0, 0.0)))
    planted.put("case3", 0, _image(planted, "case2", 0)[0])
    planted.cases[4] = replace(planted.cases[4], patient_id="p2", label="other")
    expected = {
        ("error", "missing channel", "case0", "imagesTr/case0_0000.nii.gz"),
        ("error", "geometry", "case1", "imagesTr/case1_0001.nii.gz"),
        ("error", "dose in cGy", "case1", "imagesTr/case1_0001.nii.gz"),
        ("error", "same image in two cases", "case2", "imagesTr/case2_0000.nii.gz"),
        ("error", "patient in train and test", "", "cases.csv"),
        ("error", "label", "test0", "cases.csv"),
    }
    first = check(planted.load())
    assert _short(first.findings) == expected
    assert check(planted.load(order=[3, 1, 4, 0, 2]), num_workers=2) == first


def test_every_finding_says_what_to_do(planted: Planted, tmp_path: Path) -> None:
    planted.path("case0", 0).unlink()
    planted.path("case1", 0).write_text("x")
    (planted.folder / "imagesTr" / "x.txt").write_text("x")
    for finding in check(planted.load()).findings:
        assert finding.found
        assert finding.expected
        assert finding.remedy
        assert str(tmp_path) not in finding.file
