from __future__ import annotations

import pytest
import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.network.device import resolve_device


def _there(monkeypatch, *, cuda, mps):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu"), (1, 0, "cuda")]
)
def test_the_best_device_is_taken_unless_one_is_named(monkeypatch, cuda, mps, best):
    _there(monkeypatch, cuda=bool(cuda), mps=bool(mps))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve_device().type == best
    assert resolve_device("cpu") == torch.device("cpu")


def test_a_numbered_device_keeps_its_number(monkeypatch):
    _there(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(TrainingError, match="cuda:5"):
        resolve_device("cuda:5")


@pytest.mark.parametrize("name", ["cuda:", "cuda:-1", "cuda:1:1", "cuda:4", "cpu:1", "CUDA", ""])
def test_a_spelling_that_is_no_device_is_named(monkeypatch, name):
    _there(monkeypatch, cuda=True, mps=True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(TrainingError, match="is not available") as caught:
        resolve_device(name)
    assert caught.value.expected == "cuda (4), mps (1), cpu (1)"


@pytest.mark.parametrize(("name", "index"), [("cuda:03", 3), ("cuda:٣", 3), ("cpu:0", 0)])
def test_a_number_may_be_spelled_as_python_reads_it(monkeypatch, name, index):
    _there(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert resolve_device(name) == torch.device(name.partition(":")[0], index)


def test_no_gpu_behind_an_available_driver_is_no_device(monkeypatch):
    _there(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert resolve_device() == torch.device("cpu")
    with pytest.raises(TrainingError, match="'cuda' is not available"):
        resolve_device("cuda")


@pytest.mark.parametrize("name", ["cuda", "mps", "gpu", "cpu:x"])
def test_a_device_that_is_not_there_is_named(monkeypatch, name):
    _there(monkeypatch, cuda=False, mps=False)
    with pytest.raises(TrainingError, match=f"'{name}' is not available"):
        resolve_device(name)
