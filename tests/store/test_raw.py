"""Cases of a folder are found by the names of their files."""

import os

import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.raw import find_cases, read_dataset


def touch(folder, *names):
    for name in names:
        (folder / name).touch()


def test_every_case_is_listed_with_all_channels(tmp_path):
    touch(tmp_path, "b_1_0000.nii.gz", "a_0001.nii.gz", "a_brain.nii.gz", "c_0000.nrrd")
    found = find_cases(tmp_path, 2, ".nii.gz")
    assert {case: [path.name for path in paths] for case, paths in found.items()} == {
        "a": ["a_0000.nii.gz", "a_0001.nii.gz"],
        "b_1": ["b_1_0000.nii.gz", "b_1_0001.nii.gz"],
    }


def test_hidden_files_are_no_cases(tmp_path):
    touch(tmp_path, "._a_0000.nii.gz", ".a_0000.nii.gz")
    with pytest.raises(DatasetError, match="an empty folder"):
        find_cases(tmp_path, 1, ".nii.gz")
    touch(tmp_path, "a_0000.nii.gz")
    assert list(find_cases(tmp_path, 1, ".nii.gz")) == ["a"]


def test_images_of_channels_that_a_dataset_does_not_have_are_said(tmp_path, caplog):
    touch(tmp_path, "a_0000.nii.gz", "a_0001.nii.gz", "b_0000.nii.gz")
    find_cases(tmp_path, 2, ".nii.gz")
    assert not caplog.records
    find_cases(tmp_path, 1, ".nii.gz")
    assert "1 image(s) are not read, e.g. a_0001.nii.gz" in caplog.text


def test_a_pipe_in_place_of_dataset_json_is_named_at_once(tmp_path):
    os.mkfifo(tmp_path / "dataset.json")
    with pytest.raises(DatasetError, match=r"dataset\.json cannot be read(.|\n)*a named pipe"):
        read_dataset(tmp_path / "dataset.json")
