"""Two good patients beside a bad one: their predictions are bit for bit those without it."""

from __future__ import annotations

import errno
import gzip
import logging
import os
import shutil
import struct

import pytest
import torch
from torch import nn

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference import folder, patient
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.inference.test_time_augmentation import probabilities
from ricenet_v2.store.tables import read_rows
from tests.hostile_case import endless_file, read_endless


class Mean(nn.Module):
    """Tells patients apart; one of the two outputs of bright ones is infinite."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        mean = batch.mean(dim=(1, 2, 3, 4))
        # Of which a softmax alone would make 0 and 1.
        return torch.stack([mean, torch.where(mean > 100, -torch.inf, -mean)], dim=1)


@pytest.fixture
def patients(make_patients):
    made = make_patients()
    made.keeper = Mean()
    return made


@pytest.fixture
def predict(patients, tmp_path):
    """A function that predicts by a network that sees the dose alone, each time anew."""
    number = iter(range(9))

    def made(**more):
        out = tmp_path / f"out{next(number)}"
        return predict_folder(patients.model((3,)), patients.images, out, mirror=False, **more), out

    return made


def bad_patient(patients, make, channel=3):
    """A third patient with a file that `make` puts in place of an image."""
    for index in range(4):
        shutil.copy(
            patients.images / f"p1_{index:04d}.nii.gz",
            patients.images / f"bad_{index:04d}.nii.gz",
        )
    path = patients.images / f"bad_{channel:04d}.nii.gz"
    path.unlink()
    make(path)


def with_offset(value):
    """A function that writes an image whose voxels begin at such a byte."""

    def make(path):
        image = path.with_name(path.name.replace("bad", "p1"))
        content = bytearray(gzip.decompress(image.read_bytes()))
        struct.pack_into("<f", content, 108, value)
        path.write_bytes(gzip.compress(bytes(content)))

    return make


BAD = {
    "a pipe": (os.mkfifo, "a named pipe"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
    "a folder": (lambda path: path.mkdir(), "a folder"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "a symbolic link to nothing"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "leads back to itself"),
    "voxels at infinity": (with_offset(float("inf")), "vox_offset is inf"),
    "voxels at NaN": (with_offset(float("nan")), "vox_offset is nan"),
    "voxels before the file": (with_offset(-1e9), "vox_offset is -1e+09"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("channel", [3, 1])  # 1 is not seen, but decides the crop
def test_whatever_stands_in_place_of_an_image(patients, predict, kind, channel):
    alone, _ = predict()
    make, said = BAD[kind]
    bad_patient(patients, make, channel)
    found, out = predict()
    assert found.cases == alone.cases
    assert [case.case_id for case in found.cases] == ["p0", "p1"]
    (failed,) = found.failed
    assert failed.case_id == "bad"
    assert said in failed.error
    assert f"bad_{channel:04d}.nii.gz" in failed.error
    assert [row["case_id"] for row in read_rows(out / "predictions.csv")] == ["p0", "p1"]


@pytest.mark.parametrize("kind", ["a pipe", "a dangling link"])
def test_a_brain_mask_that_is_no_file_is_not_taken_for_none(patients, predict, kind):
    masks = patients.raw.folder / "masksTr"
    masks.mkdir()
    alone, _ = predict()
    BAD[kind][0](masks / "p0_brain.nii.gz")
    found, _ = predict()
    assert found.cases == alone.cases[1:]
    assert BAD[kind][1] in found.failed[0].error


def test_outputs_that_are_not_finite_are_the_fault_of_their_case(patients, predict):
    alone, _ = predict()
    bad_patient(patients, lambda path: shutil.copy(path.with_name("p1_0003.nii.gz"), path))
    network, shown = patients.keeper, []

    class Bright(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            shown.append(None)  # the bad patient is the first in the order of names
            return network(batch + 1e6 if len(shown) == 1 else batch)

    patients.keeper = Bright()
    found, _ = predict()
    assert found.cases == alone.cases
    (failed,) = found.failed
    assert "not finite" in failed.error
    assert "of fold 0" in failed.error


def test_one_output_that_is_not_finite_makes_no_probabilities():
    values = torch.tensor([[1.0, -torch.inf], [0.5, 0.25]])
    found = probabilities(nn.Identity(), values)
    assert found[0].isnan().all()
    assert torch.equal(found[1], torch.softmax(values[1], dim=0))


@pytest.mark.parametrize("error", [OverflowError("far"), MemoryError(), KeyError("x")])
def test_any_error_is_that_of_its_case_and_its_traceback_is_for_debugging(
    patients, predict, monkeypatch, caplog, error
):
    alone, _ = predict()
    prepare = folder.prepare

    def broken(plan, patient):
        if patient.case_id == "p0":
            raise error
        return prepare(plan, patient)

    monkeypatch.setattr(folder, "prepare", broken)
    with caplog.at_level(logging.DEBUG, logger="ricenet_v2"):
        found, _ = predict()
    assert found.cases == alone.cases[1:]
    assert type(error).__name__ in found.failed[0].error
    assert "Traceback" not in found.failed[0].error
    assert [one.levelno for one in caplog.records if one.exc_info] == [logging.DEBUG]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_wish_to_end_is_no_fault_of_a_case(patients, predict, monkeypatch, kind):
    def stop(*_, **__):
        raise kind

    monkeypatch.setattr("ricenet_v2.inference.ensemble.Ensemble.predict", stop)
    with pytest.raises(kind):
        predict()


def test_a_case_that_never_ends_is_given_up(patients, predict, monkeypatch, tmp_path):
    """All later reads of this process would wait too, for a lock of ITK."""
    alone, _ = predict()
    real = patient.check_case

    def slow(case, *files, **more):
        if case.case_id == "p0":
            read_endless(pipe)
        return real(case, *files, **more)

    monkeypatch.setattr(patient, "check_case", slow)
    with endless_file(tmp_path) as pipe:
        found, _ = predict(seconds=2.0)
    assert found.cases == alone.cases[1:]
    assert "longer than 2 s" in found.failed[0].error
    assert "--case_timeout" in found.failed[0].error


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_computed(
    patients, monkeypatch, tmp_path
):
    monkeypatch.setattr(folder, "prepare", pytest.fail)
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="not writable"):
        predict_folder(patients.model((3,)), patients.images, tmp_path / "file" / "out")


@pytest.mark.parametrize(("number", "is_of_all"), [("ENOSPC", True), ("ENAMETOOLONG", False)])
def test_what_is_predicted_stays_where_the_next_cannot_be_written(
    patients, predict, monkeypatch, tmp_path, number, is_of_all
):
    alone, _ = predict()
    write = documents.write

    def failing(path, value):
        if path.name == "p1.json":
            raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(documents, "write", failing)
        if is_of_all:
            with pytest.raises(DatasetError, match="No space left") as caught:
                predict()
            assert "--continue" in caught.value.remedy
        else:
            found, _ = predict()
            assert found.cases == alone.cases[:1]
            assert "too long" in found.failed[0].error
    assert [path.name for path in (tmp_path / "out1" / "cases").iterdir()] == ["p0.json"]
    model, out = patients.model((3,)), tmp_path / "out1"
    gone_on = predict_folder(model, patients.images, out, mirror=False, resume=True)
    assert gone_on.cases == alone.cases
