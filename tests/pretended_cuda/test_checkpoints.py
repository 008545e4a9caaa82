"""Checkpoints of a training on a pretended device: copied without a wait for each tensor."""

import threading

import torch

from ricenet_v2.cli import train
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.checkpoint_writer import CheckpointWriter
from tests.pretended_cuda.cohort import LEARNS, NAME, copy_of, train_on


def test_an_epoch_is_copied_with_one_wait_and_never_by_the_thread_that_writes(
    tmp_path, pretended_cuda
):
    """Copies that are still under way are garbage there until somebody waits."""
    with pretended_cuda() as gpu, CheckpointWriter(FoldPaths(tmp_path), seconds=0) as writer:
        weights = [torch.full((4, 5), float(n), device="cuda") for n in range(6)]
        for epoch in range(5):
            with gpu.watched() as seen:
                writer.keep({"epoch": epoch, "weights": weights, "again": weights})
            assert len(seen.of("down")) == len(weights), seen
            assert [wait.name for wait in seen.waits] == ["synchronize"], seen
            for each in weights:
                each.add_(1)
        with gpu.watched() as seen:
            writer.flush()
        assert not seen.events
    state = checkpoints.load(tmp_path / "checkpoint_latest.pth")
    assert state["epoch"] == 4
    assert [float(each.mean()) for each in state["weights"]] == [4, 5, 6, 7, 8, 9]


def test_epochs_are_written_now_and_then_and_the_run_goes_on_the_same(
    preprocessed, tmp_path, pretended_cuda, monkeypatch
):
    whole, parted = (copy_of(preprocessed, tmp_path / name) for name in ("whole", "parted"))
    written, real = [], checkpoints.save

    def save(path, state):
        written.append((path.name, threading.current_thread() is threading.main_thread()))
        real(path, state)

    monkeypatch.setattr(checkpoints, "save", save)
    words = ["--set", *LEARNS]
    with pretended_cuda():
        train_on(whole, "cuda:0", "--epochs", "6", *words)
    latest = [is_main for name, is_main in written if name == "checkpoint_latest.pth"]
    assert latest == [False, False]  # the first epoch and the last one, by a thread

    def die(self, *_):
        raise KeyboardInterrupt

    # As a kill: what was kept and not written is gone.
    fold = dataset_paths(NAME, parted).run().fold(0)
    with pretended_cuda(), monkeypatch.context() as patch:
        patch.setattr(CheckpointWriter, "flush", die)
        common = ["--workspace", str(parted), "--device", "cuda:0", "--num_workers", "0"]
        assert train.main([NAME, "0", *common, "--epochs", "6", *words]) == 1
    assert checkpoints.load(fold.latest)["epoch"] == 1
    assert len(fold.history.read_text().splitlines()) == 7
    with pretended_cuda():
        train_on(parted, "cuda:0", "--continue", *words)
    one, other = (
        checkpoints.load(dataset_paths(NAME, space).run().fold(0).final)["inference_weights"]
        for space in (whole, parted)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
