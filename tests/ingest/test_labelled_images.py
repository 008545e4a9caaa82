"""Which file is of which case, where ids begin alike and names differ."""

from __future__ import annotations

import pytest

from ricenet_v2.ingest.labelled_images import match_images


@pytest.fixture
def matched(tmp_path):
    """A function that matches empty files, by their paths, with case ids."""

    def match(names, case_ids):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        found = match_images(tmp_path, case_ids)
        files = {
            case: {
                kind: path.relative_to(tmp_path).as_posix()
                for kind, path in (of_case.channels | of_case.masks).items()
            }
            for case, of_case in found.cases.items()
        }
        return found, files

    return match


def test_of_ids_that_begin_alike_the_longest_wins(matched):
    names = ("P1_T1.nii.gz", "P10_T1.nii.gz", "P1_2_T1.nii.gz", "p1_2_lesion.nii.gz", "P11.nii.gz")
    found, files = matched(names, ["P1", "P10", "P1_2"])
    assert files == {
        "P1": {"t1": "P1_T1.nii.gz"},
        "P10": {"t1": "P10_T1.nii.gz"},
        "P1_2": {"t1": "P1_2_T1.nii.gz", "lesion": "p1_2_lesion.nii.gz"},
    }
    assert found.unmatched == ("P11.nii.gz",)
    assert found.doubled == ()


def test_a_folder_names_the_case_of_its_files_and_the_longest_id_of_the_folders_wins(matched):
    names = ("A/A-1/T1.nii.gz", "A/T1.nii.gz", "A/A-1/B_T1.nii.gz", "imagesTs/C/T1.mha")
    found, files = matched(names, ["A", "A-1", "B", "C"])
    assert files == {
        "A": {"t1": "A/T1.nii.gz"},
        "A-1": {"t1": "A/A-1/T1.nii.gz"},
        "B": {"t1": "A/A-1/B_T1.nii.gz"},  # a file before a folder
        "C": {"t1": "imagesTs/C/T1.mha"},
    }
    assert {case for case, of_case in found.cases.items() if of_case.is_test} == {"C"}
    assert found.endings == (".mha", ".nii.gz")


def test_the_first_of_two_files_of_a_channel_is_taken_and_both_are_named(matched):
    found, files = matched(("A_T1.nii.gz", "a-t1.nii.gz", "A/brain_mask.nii.gz"), ["A"])
    assert files == {"A": {"t1": "A_T1.nii.gz", "brain": "A/brain_mask.nii.gz"}}
    assert found.doubled == ("A, t1: A_T1.nii.gz and a-t1.nii.gz",)
