"""Files and folders of images that are not where or what they should be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ricenet_v2.fingerprinting.checks_folders import check_folders
from ricenet_v2.fingerprinting.summary import grouped

if TYPE_CHECKING:
    from conftest import Planted


def told(planted: Planted) -> dict[str, tuple[str, str]]:
    """By file: severity, and what was found with what to do."""
    return {
        one.file: (one.severity, f"{one.found}. {one.remedy}")
        for one in check_folders(planted.load())
    }


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "._case0_0000.nii.gz", "desktop.ini"])
def test_what_systems_leave_is_no_finding(planted: Planted, name: str) -> None:
    (planted.folder / "imagesTr" / name).touch()
    assert told(planted) == {}


@pytest.mark.parametrize("name", ["imagestr", "images_Tr", "IMAGESTR"])
def test_a_folder_in_other_capitals(planted: Planted, name: str) -> None:
    (planted.folder / "imagesTr").rename(planted.folder / name)
    (severity, said) = told(planted)["imagesTr"]
    assert severity == "error"
    assert f"Rename {name} to imagesTr." in said


def test_no_folder_at_all(planted: Planted) -> None:
    shutil.rmtree(planted.folder / "imagesTs")
    assert "no such folder" in told(planted)["imagesTs"][1]
    planted.cases.pop()
    assert told(planted) == {}  # no test cases, no folder


@pytest.mark.parametrize(
    ("case_id", "how"),
    [("CASE1", "capitals"), ("case01", "leading zeros"), ("case_1", "blanks, underscores")],
)
def test_a_case_that_is_spelled_otherwise(planted: Planted, case_id: str, how: str) -> None:
    for index in (0, 1):
        path = planted.path("case1", index)
        path.rename(planted.path(case_id, index))
    said = told(planted)
    assert set(said) == {f"imagesTr/{case_id}_000{index}.nii.gz" for index in (0, 1)}
    assert all(how in text and "correct the case_id" in text for _, text in said.values())


def test_numbers_of_five_digits(planted: Planted) -> None:
    planted.path("case1", 1).rename(planted.folder / "imagesTr" / "case1_00001.nii.gz")
    assert "leading zeros" in told(planted)["imagesTr/case1_00001.nii.gz"][1]


def test_a_case_in_the_folder_of_the_other_split(planted: Planted) -> None:
    planted.cases[1] = replace(planted.cases[1], split="test")
    said = told(planted)["imagesTr/case1_0000.nii.gz"][1]
    assert "the case has split test" in said
    assert "move the file" in said


def test_the_same_channel_in_another_format(planted: Planted) -> None:
    copy = planted.path("case1", 0).with_name("case1_0000.NII")
    copy.touch()
    assert "the same channel is there with .nii.gz" in told(planted)[f"imagesTr/{copy.name}"][1]


def test_a_wrong_file_ending_is_one_row(planted: Planted) -> None:
    planted.ending = ".mha"
    findings = check_folders(planted.load())
    assert len(findings) == 10
    # Two channels, two splits.
    assert len(grouped(findings)) == 4
    assert all("Correct file_ending in dataset.json, which is .mha" in f.remedy for f in findings)


def test_a_file_of_nobody(planted: Planted) -> None:
    (planted.folder / "imagesTr" / "other_0000.nii.gz").touch()
    assert "Add the case" in told(planted)["imagesTr/other_0000.nii.gz"][1]
