"""A dataset.json beside images is compared with the channels that the networks were trained on."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.channel_compatibility import check_images, warn_changed
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import write_raw_tables

FIRST, SECOND, DOSE = Channel("T1_a", "mri"), Channel("T1_b", "mri"), Channel("dose", "dose")
TRAINED = Dataset("Dataset001_Three", (FIRST, SECOND, DOSE), ("a", "b"))


@pytest.fixture
def images(tmp_path):
    """A function that describes the folder of the images anew."""

    def make(channels):
        folder = tmp_path / "Dataset002_Others"
        write_raw_tables(folder, dataclasses.replace(TRAINED, channels=tuple(channels)), [])
        return folder / "imagesTs"

    return make


@pytest.mark.parametrize(
    "channels",
    [
        (SECOND, FIRST, DOSE),
        (FIRST, DOSE, SECOND),
        (SECOND, DOSE),
        (FIRST, SECOND, Channel("dose", "other")),
        (Channel("CT", "ct"), SECOND, DOSE),
    ],
)
def test_images_that_would_be_exchanged_are_refused(images, channels):
    folder = images(channels)
    with pytest.raises(DatasetError, match="not those of the model") as caught:
        check_images(TRAINED, folder)
    assert caught.value.file == folder.parent / DATASET_JSON
    assert str(caught.value.expected).startswith("T1_a (mri), T1_b (mri), dose (dose)")


@pytest.mark.parametrize(
    ("channels", "is_told"),
    [
        ((FIRST, SECOND, DOSE), False),
        ((dataclasses.replace(FIRST, timepoint="event"), SECOND, DOSE), False),
        ((Channel("before", "mri"), Channel("after", "mri"), DOSE), True),
        ((FIRST, SECOND, DOSE, Channel("mask", "mask")), True),
        ((FIRST, SECOND), True),
    ],
)
def test_other_names_of_the_same_kinds_are_told(images, caplog, channels, is_told):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        check_images(TRAINED, images(channels))
    assert bool(caplog.records) == is_told


def test_a_folder_without_a_description_or_with_a_foreign_one_is_taken(tmp_path, caplog):
    check_images(TRAINED, tmp_path / "imagesTs")
    assert caplog.records == []
    (tmp_path / DATASET_JSON).write_text(json.dumps({"channel_names": {"0": "thing"}}))
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        check_images(TRAINED, tmp_path / "imagesTs")
    assert "cannot be compared" in caplog.text


def test_a_description_that_changed_since_training_is_told(images, tmp_path, caplog):
    folder = images((SECOND, FIRST, DOSE)).parent
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        warn_changed(TRAINED, folder / DATASET_JSON)
        warn_changed(TRAINED, tmp_path / "gone" / DATASET_JSON)
    assert len(caplog.records) == 1
    assert "has changed since the model was trained" in caplog.text


def test_no_patient_is_predicted_by_exchanged_channels(make_patients, tmp_path):
    patients = make_patients()
    model, dataset = patients.model((0, 3)), patients.raw.dataset
    channels = (dataset.channels[2], dataset.channels[1], dataset.channels[0], dataset.channels[3])
    changed = dataclasses.replace(dataset, channels=channels)
    write_raw_tables(patients.raw.folder, changed, patients.raw.cases)
    with pytest.raises(DatasetError, match="not those of the model"):
        predict_folder(model, patients.images, tmp_path / "out")
    assert not (tmp_path / "out").exists()
