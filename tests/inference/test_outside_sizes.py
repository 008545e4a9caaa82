"""New patients of another size, and with masks of other labels, than the training cases."""

import dataclasses
import shutil

import numpy as np
import pytest

from ricenet_v2.inference.distribution_shift import outside, unknown_labels, without_labels
from ricenet_v2.inference.feature_reference import (
    Reference,
    fit_reference,
    read_reference,
    write_reference,
)
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.store import checkpoints
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.training.preprocessed import mask_labels, sizes


@pytest.fixture
def records(make_record):
    """Of twelve cases, the last of which is no training case."""
    return [
        make_record(
            case_id=f"c{n}",
            source_grid_shape=(160, 200, 160),
            region="brain mask",
            region_ml=1300.0 + 10 * n,
            mask_labels={"lesion": (1.0,) if n % 2 else (), "parts": (1.0, 2.0)},
        )
        for n in range(12)
    ]


@pytest.fixture
def reference(records, tmp_path):
    """Written and read."""
    train = [f"c{n}" for n in range(11)]
    records[11] = dataclasses.replace(records[11], region_ml=1.0, mask_labels={"lesion": (255.0,)})
    features = np.random.default_rng(0).normal(size=(9, 3))
    found = sizes(records, train), mask_labels(records, train)
    made = fit_reference(features, features, {}, (), *found)
    write_reference(tmp_path / "reference.pth", made)
    return read_reference(tmp_path / "reference.pth")


def test_a_case_far_from_the_training_cases_is_told(make_plan, records, reference):
    def told(**changes):
        record = dataclasses.replace(records[0], **changes)
        return outside(make_plan(), record, [reference])

    assert told() == told(region_ml=2000.0) == told(source_grid_shape=(130, 200, 200)) == []
    (text,) = told(source_grid_shape=(160, 90, 160))
    assert "extent along y, mm: 90 is far from the training cases, which have 133 to 300" in text
    (text,) = told(region_ml=100.0)
    assert text.startswith("volume of the brain mask, mL: 100 is far")
    assert outside(make_plan(), dataclasses.replace(records[0], region_ml=1.0), []) == []


def test_few_training_cases_tell_nothing(records):
    assert sizes(records, [f"c{n}" for n in range(9)]) == {}


def test_labels_that_training_did_not_see(records, reference):
    def told(**labels):
        return unknown_labels(dataclasses.replace(records[0], mask_labels=labels), [reference])

    assert told(lesion=(1.0,)) == told(lesion=()) == told(parts=(2.0, 3.0)) == []
    assert told(other=(255.0,)) == []
    assert told(lesion=(255.0,)) == ["lesion has the labels 255, training had 1"]
    unknown = dataclasses.replace(reference, labels={})
    assert unknown_labels(records[11], [reference, unknown]) == []
    assert unknown_labels(records[11], []) == []


def test_a_mask_without_labels_where_training_had_some(records, reference):
    def told(references, **labels):
        record = dataclasses.replace(records[0], mask_labels=labels)
        return without_labels(record, ["lesion"], references)

    assert told([reference], lesion=(1.0,)) == told([reference], lesion=()) == told([]) == []
    assert told([reference]) == [
        "lesion has more than 64 different values, training had the labels 1"
    ]
    unknown = dataclasses.replace(reference, labels={})
    assert told([reference, unknown]) == []


def test_masks_that_are_no_labels_are_not_compared(records):
    records[0] = dataclasses.replace(records[0], mask_labels={"parts": (1.0,)})
    assert mask_labels(records, ["c0", "c1"]) == {"parts": (1.0, 2.0)}


def test_older_references_are_read(tmp_path, reference):
    write_reference(tmp_path / "old.pth", reference)
    state = checkpoints.load(tmp_path / "old.pth")
    checkpoints.save(
        tmp_path / "old.pth", {n: v for n, v in state.items() if n not in ("sizes", "labels")}
    )
    old = read_reference(tmp_path / "old.pth")
    assert isinstance(old, Reference)
    assert (old.sizes, old.labels) == ({}, {})


def test_prediction_refuses_other_labels_and_warns_of_twins(make_patients, reference, tmp_path):
    patients = make_patients()
    model = patients.model((2, 3))
    channels = [
        dataclasses.replace(one, kind="mask") if one.kind == "dose" else one
        for one in model.plan.channels
    ]
    data = [
        dataclasses.replace(one, kind="mask") if one.kind == "dose" else one
        for one in model.dataset.channels
    ]
    known = dataclasses.replace(reference, labels={channels[1].name: (1.0,)})
    model = dataclasses.replace(
        model,
        plan=dataclasses.replace(model.plan, channels=tuple(channels)),
        dataset=dataclasses.replace(model.dataset, channels=tuple(data)),
        references={0: known},
    )
    source = tmp_path / "in"
    shutil.copytree(patients.images, source)
    for case, label in (("p0", 255.0), ("p1", 1.0)):
        voxels, grid = read_image(source / f"{case}_0003.nii.gz")
        write_image(source / f"{case}_0003.nii.gz", np.where(voxels > 30, label, 0), grid)
    shutil.copy(source / "p1_0000.nii.gz", source / "p1_0001.nii.gz")
    found = predict_folder(model, source, tmp_path / "out", mirror=False)
    (failed,) = found.failed
    assert failed.case_id == "p0"
    assert "labels 255, training had 1" in failed.error
    (made,) = found.cases
    assert any("same image in two channels" in text for text in made.warnings)
