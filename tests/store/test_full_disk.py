"""Nothing is lost on a full disk, and the error says what to do.

A limit of the size of files stands in for it: writing beyond it fails as on a full disk, in every
library, and it can be set without being root.
"""

import dataclasses
import logging
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from ricenet_v2.cli import predict, train
from ricenet_v2.core import documents, files
from ricenet_v2.core.errors import DiskFullError
from ricenet_v2.core.grid import Grid
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.preprocessing.cohort import preprocess_dataset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import EpochRow
from ricenet_v2.store import checkpoints
from ricenet_v2.store.cases import write_case
from ricenet_v2.store.images import write_image
from ricenet_v2.store.measurements import write_measurement
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.curves import draw_progress

N = 48  # voxels along an axis of random numbers, which no compression makes small


@contextmanager
def full(most_bytes: int):
    """No file may be longer than that inside the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


VOXELS = np.random.default_rng(0).random((1, N, N, N), dtype=np.float32)
GRID = Grid((N, N, N), (1.0, 1.0, 1.0))


def _case(path):
    ones, zeros, cube = (1.0, 1.0, 1.0), (0, 0, 0), (N, N, N)
    straight = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    record = PreprocessedCase(
        path.stem, (1, N, N, N), cube, ones, ones, straight, zeros, cube, "", {}, (), ""
    )
    write_case(path.parent, VOXELS, record)


WRITERS = {
    "text.csv": lambda path: files.write_text(path, "x" * 500_000),
    "case.b2nd": _case,
    "checkpoint.pth": lambda path: checkpoints.save(path, {"w": torch.from_numpy(VOXELS)}),
    "measurement.npz": lambda path: write_measurement(path, "", "{}", np.ones((2, 100_000))),
    "progress.png": lambda path: draw_progress([EpochRow(0, 1e-3, *[0.5] * 6)], path, ""),
    **{
        f"image{ending}": lambda path: write_image(path, VOXELS[0], GRID)
        for ending in (".nii.gz", ".nii", ".mha", ".nrrd")
    },
}


# numpy 1 leaves an archive open that it could not write, and closing it fails again.
@pytest.mark.filterwarnings("ignore:.*ZipFile:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_written_is_named_and_the_old_file_stays(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"old")
    with full(10_000), pytest.raises(DiskFullError) as caught:
        WRITERS[name](path)
    assert path.name in str(caught.value)
    assert "Free disk space" in str(caught.value)
    assert [left.name for left in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == b"old"


def test_another_fault_is_not_taken_for_a_full_disk(tmp_path):
    def fails():
        with files.replacing(tmp_path / "a.txt") as path:
            path.write_text("x")
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fails()


@pytest.fixture
def workspace(planned_cohort, tmp_path):
    for name in ("raw", "preprocessed"):
        (tmp_path / name).symlink_to(planned_cohort / name)
    return tmp_path


def test_a_training_goes_on_after_room_was_made(workspace, capsys):
    words = [NAME, "all", "--epochs", "1", "--set", "iterations_per_epoch=1", "--device", "cpu"]
    words += ["--workspace", str(workspace), "--num_workers", "0"]
    model = dataset_paths(NAME, workspace).run()
    with full(20_000):
        assert train.main(words) == 2
    said = capsys.readouterr().err
    assert "checkpoint_" in said
    assert "Free disk space" in said
    assert "Traceback" not in said
    assert "Logging error" not in said
    # The other folds would only have failed in turn.
    assert model.folds() == (0,)
    words[1] = "0"
    assert train.main([*words, "--continue"]) == 0


def test_preprocessing_goes_on_after_room_was_made(planned_cohort, tmp_path):
    paths = dataset_paths(NAME, planned_cohort)
    raw = load_raw_dataset(paths.raw)
    few = dataclasses.replace(raw, cases=raw.cases[:2])
    plan = documents.read(Plan, paths.plan("auto"))
    with full(10_000), pytest.raises(DiskFullError, match="Free disk space"):
        preprocess_dataset(few, plan, tmp_path)
    assert len(preprocess_dataset(few, plan, tmp_path).done) == 2


def test_a_prediction_goes_on_after_room_was_made(trained_cohort, tmp_path, capsys, monkeypatch):
    images = trained_cohort / "raw" / NAME / "imagesTs"
    words = ["-i", str(images), "-o", str(tmp_path), "-d", NAME, "-f", "0", "--device", "cpu"]
    words += ["--workspace", str(trained_cohort)]
    with full(500):
        assert predict.main(words) == 2
    assert "Free disk space" in capsys.readouterr().err
    assert predict.main([*words, "--continue"]) == 0


def test_a_log_on_a_full_disk_ends_nothing(tmp_path, capsys):
    from ricenet_v2.training.fold_log import _Log

    log = _Log(tmp_path / "log.txt", encoding="utf-8")
    with full(10):
        log.handle(logging.makeLogRecord({"msg": "x" * 100}))
        assert capsys.readouterr().err == ""
    log.close()
