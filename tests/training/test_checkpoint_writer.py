"""Checkpoints that a thread writes: what is on disk when, and what becomes of its faults."""

import errno
import threading

import pytest
import torch

from ricenet_v2.core.errors import DiskFullError
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.training.checkpoint_writer import CheckpointWriter
from ricenet_v2.training.host_copies import HostCopies
from ricenet_v2.training.stop_signal import Stopped


@pytest.fixture
def paths(tmp_path):
    return FoldPaths(tmp_path)


@pytest.fixture
def saved(monkeypatch):
    """Names of the files that were written, and the threads that did; writing waits for `go`."""
    written, real = [], checkpoints.save
    written_by, go = set(), threading.Event()
    go.set()

    def save(path, state):
        assert go.wait(timeout=60)
        real(path, state)
        written.append(path.name)
        written_by.add(threading.current_thread().name)

    monkeypatch.setattr(checkpoints, "save", save)
    save.names, save.threads, save.go = written, written_by, go
    return save


class _Training:
    """Weights that change in place, as those of a network do."""

    def __init__(self):
        self.weights = torch.zeros(3)
        self.epoch = 0

    def train(self):
        self.epoch += 1
        self.weights.fill_(self.epoch)

    @property
    def state(self):
        return {"epoch": self.epoch, "network": {"a": self.weights, "b": self.weights}}


def _on_disk(path):
    state = checkpoints.load(path)
    assert torch.equal(state["network"]["a"], torch.full((3,), float(state["epoch"])))
    return state["epoch"]


def test_the_first_epoch_is_written_at_once_and_the_last_at_the_end(paths, saved):
    training = _Training()
    with CheckpointWriter(paths) as writer:
        for _ in range(50):
            training.train()
            writer.keep(training.state, training.state if training.epoch in (1, 7) else None)
    assert (_on_disk(paths.latest), _on_disk(paths.best)) == (50, 7)
    # Not once an epoch; and the best before the latest, which says which one it is.
    assert saved.names == ["checkpoint_best.pth", "checkpoint_latest.pth"] * 2
    assert threading.current_thread().name not in saved.threads


def test_what_is_written_is_the_epoch_that_was_kept_though_training_goes_on(paths, saved):
    training = _Training()
    saved.go.clear()
    with CheckpointWriter(paths, seconds=0) as writer:
        training.train()
        writer.keep(training.state)
        training.train()
        writer.keep(training.state)
        training.train()  # half of an epoch, before somebody asks for an end
        saved.go.set()
    assert _on_disk(paths.latest) == 2
    assert len(saved.names) == 2


def test_no_two_files_are_written_at_a_time(paths, saved):
    training = _Training()
    with CheckpointWriter(paths, seconds=0) as writer:
        for _ in range(30):
            training.train()
            writer.keep(training.state, training.state)
    assert len(saved.threads) == 1
    assert _on_disk(paths.latest) == _on_disk(paths.best) == 30


@pytest.mark.parametrize("error", [Stopped(), KeyboardInterrupt(), RuntimeError("not finite")])
def test_whatever_ends_a_training_the_last_finished_epoch_is_on_disk(paths, error):
    training = _Training()

    def train():
        with CheckpointWriter(paths) as writer:
            for _ in range(3):
                training.train()
                writer.keep(training.state)
            raise error

    with pytest.raises(type(error)) as caught:
        train()
    assert caught.value is error
    assert _on_disk(paths.latest) == 3


def _full(monkeypatch, name):
    real = torch.save

    def full(state, path):
        if name in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(state, path)

    monkeypatch.setattr(torch, "save", full)


@pytest.mark.parametrize("name", ["latest", "best"])
def test_a_full_disk_is_told_by_the_thread_that_trains(paths, monkeypatch, name):
    training = _Training()
    _full(monkeypatch, name)

    def train():
        with CheckpointWriter(paths, seconds=0) as writer:
            while True:
                training.train()
                writer.keep(training.state, training.state)

    with pytest.raises(DiskFullError) as caught:
        train()
    assert f"checkpoint_{name}.pth" in str(caught.value.file)
    assert "--continue" in caught.value.remedy
    assert not paths.latest.exists()


def test_an_epoch_that_cannot_be_saved_is_no_stop_that_saved_it(paths, monkeypatch, caplog):
    training = _Training()
    _full(monkeypatch, "latest")
    for error, told in ((Stopped(), DiskFullError), (ValueError("odd"), ValueError)):
        writer = CheckpointWriter(paths)
        with pytest.raises(told), writer:  # noqa: PT012 - both raise in the block
            writer._begun = float("inf")  # none was due till now
            training.train()
            writer.keep(training.state)
            raise error
    assert "could not be saved: No space" in caplog.text


def test_a_copy_has_the_values_the_layout_and_the_sharing_of_its_state(tmp_path):
    shared, turned = torch.randn(4, 5), torch.randn(2, 3, 4, 5, 6)
    state = {
        "a": shared,
        "b": {"again": shared, "turned": turned.to(memory_format=torch.channels_last_3d)},
        "c": [torch.arange(3), (1, "word", None), torch.zeros(0), torch.tensor(2.5)],
    }
    copies = HostCopies()
    first = copies.of(state)
    assert first.state["a"] is first.state["b"]["again"]
    assert first.state["a"] is not shared
    assert torch.equal(first.state["a"], shared)
    turned = first.state["b"]["turned"]
    assert turned.stride() == state["b"]["turned"].stride()
    assert torch.equal(turned, state["b"]["turned"])
    assert first.state["c"][1] == (1, "word", None)
    for name, each in (("real", state), ("copy", first.state)):
        torch.save(each, tmp_path / f"{name}.pth")
    sizes = {(tmp_path / f"{name}.pth").stat().st_size for name in ("real", "copy")}
    assert len(sizes) == 1
    # The memory is used again, and only once nobody reads it.
    second = copies.of(state)
    assert not {t.data_ptr() for t in first.tensors if t.numel()} & {
        t.data_ptr() for t in second.tensors if t.numel()
    }
    copies.give_back(first)
    third = copies.of(state)
    assert {t.data_ptr() for t in third.tensors} == {t.data_ptr() for t in first.tensors}
