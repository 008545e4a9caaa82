"""MedMNIST3D files as raw datasets, against the arrays themselves."""

import os

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.ingest.medmnist import convert_medmnist3d
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset

COUNTS = {"train": 4, "val": 2, "test": 3}


def _arrays(top=1):
    random = np.random.default_rng(0)
    arrays = {}
    for part, n in COUNTS.items():
        arrays[f"{part}_images"] = random.integers(0, top + 1, (n, 6, 7, 8)).astype(np.uint8)
        arrays[f"{part}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    return arrays


def _save(folder, arrays):
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def test_every_volume_keeps_its_voxels_axes_label_and_split(tmp_path):
    arrays = _arrays()
    out = tmp_path / "Dataset010_Set"
    raw = load_raw_dataset(convert_medmnist3d(_save(tmp_path, arrays), out))
    assert not check(raw).errors
    assert raw.dataset.channels[0].kind == "mask"
    assert raw.dataset.classes == ("class_0", "class_1")
    assert len(raw.cases) == sum(COUNTS.values())
    for case in raw.cases:
        part, index = case.case_id[:-5], int(case.case_id[-5:])
        voxels, grid = read_image(raw.images(case)[0])
        assert np.array_equal(voxels, arrays[f"{part}_images"][index])
        assert grid.spacing == (1.0, 1.0, 1.0)
        assert case.label == f"class_{arrays[f'{part}_labels'][index, 0]}"
        assert case.split == ("test" if part == "test" else "train")
        assert case.patient_id == case.case_id


@pytest.mark.parametrize(
    ("top", "kind", "expected"), [(200, None, "other"), (200, "ct", "ct"), (1, "other", "other")]
)
def test_the_kind_follows_the_values_or_the_user(tmp_path, top, kind, expected):
    npz = _save(tmp_path, _arrays(top))
    raw = load_raw_dataset(convert_medmnist3d(npz, tmp_path / "out", kind))
    assert raw.dataset.channels[0].kind == expected
    image = read_image(raw.images(raw.cases[0])[0])[0]
    assert np.array_equal(image, _arrays(top)["train_images"][0])


def _without_test(arrays):
    del arrays["test_images"]


def _half_labels(arrays):
    arrays["val_labels"] = np.array([0.5, np.nan])


def _words(arrays):
    arrays["val_labels"] = np.array(["a", "b"])


def _complex(arrays):
    arrays["val_images"] = arrays["val_images"].astype(complex)


def _two_dimensional(arrays):
    arrays["val_images"] = arrays["val_images"][:, 0]


def _too_few_labels(arrays):
    arrays["train_labels"] = arrays["train_labels"][:-1]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_without_test, "without test_images"),
        (_two_dimensional, "val_images of shape"),
        (_too_few_labels, "train_labels"),
        (_half_labels, "val_labels that are not whole numbers"),
        (_words, "val_labels that are not whole numbers"),
        (_complex, "val_images of type complex128"),
    ],
)
def test_another_file_is_refused_before_anything_is_written(tmp_path, spoil, text):
    arrays = _arrays()
    spoil(arrays)
    with pytest.raises(DatasetError, match=text):
        convert_medmnist3d(_save(tmp_path, arrays), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_npz_is_refused(tmp_path):
    text, cut, single = tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "c.npy"
    text.write_text("no archive")
    cut.write_bytes(_save(tmp_path, _arrays()).read_bytes()[:200])
    np.save(single, np.zeros(3))
    os.mkfifo(tmp_path / "pipe.npz")
    for file in (text, cut, single, tmp_path / "missing.npz", tmp_path / "pipe.npz"):
        with pytest.raises(DatasetError, match=file.name):
            convert_medmnist3d(file, tmp_path / "out")


def test_a_folder_that_holds_something_is_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        convert_medmnist3d(_save(tmp_path, _arrays()), out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
