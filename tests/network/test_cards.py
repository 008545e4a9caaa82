"""What CUDA devices there are, asked of a process of its own with a torch that is pretended."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from ricenet_v2.network import cards as module
from ricenet_v2.network.cards import Card, cards, free_bytes
from tests.pretended_cuda import A100, V100

CUDA = torch.device("cuda")


@pytest.fixture
def answers(monkeypatch):
    """Sets what the process that is asked prints."""

    def answer(text: str, returncode: int = 0):
        def run(command, **_):
            if returncode:
                raise subprocess.CalledProcessError(returncode, command)
            return subprocess.CompletedProcess(command, 0, text, "")

        monkeypatch.setattr(module.subprocess, "run", run)

    return answer


@pytest.mark.parametrize(
    ("visible", "free", "words"),
    [
        (None, [7, 9], ["0", "1"]),
        (None, [7], [None]),  # of MIG instances one is seen, which has no number
        ("3,1", [7, 9], ["3", "1"]),
        ("GPU-8932f937-d72c, GPU-1ab", [7, 9], ["GPU-8932f937-d72c", "GPU-1ab"]),
        ("MIG-GPU-8932f937/1/0", [7], ["MIG-GPU-8932f937/1/0"]),
        ("2,-1,0", [7], ["2"]),  # CUDA sees none behind a number that is none
        ("", [], []),
    ],
)
def test_each_device_is_named_as_this_process_sees_it(monkeypatch, answers, visible, free, words):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    answers(f"a banner of some library\nfree bytes of CUDA devices: {free}\n")
    expected = [Card(n, size, word) for n, (size, word) in enumerate(zip(free, words, strict=True))]
    assert list(cards(CUDA)) == expected
    for card in expected:
        assert list(cards(torch.device("cuda", card.index))) == [card]
    assert cards(torch.device("cpu")) == ()


@pytest.mark.parametrize(
    ("text", "code"), [("", 0), ("free bytes of CUDA devices: {}", 0), ("", 3)]
)
def test_memory_that_nobody_can_tell_is_said_once(
    monkeypatch, answers, caplog, pretended_cuda, text, code
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    answers(text, code)
    with pretended_cuda(cards=(A100, A100)):
        assert cards(CUDA) == (Card(0, None, "4"), Card(1, None, "5"))
    assert caplog.text.count("Cannot determine the free memory") == 1


def test_the_process_that_is_asked_counts_a_faulty_device_as_full(pretended_cuda, monkeypatch):
    with pretended_cuda(cards=(A100, V100)):
        asked = torch.cuda.mem_get_info

        def told(index):
            if index == 0:
                raise torch.AcceleratorError("CUDA error: CUDA-capable device(s) is/are busy")
            return asked(index)

        monkeypatch.setattr(torch.cuda, "mem_get_info", told)
        assert free_bytes() == [0, V100.memory]


def test_cuda_is_begun_in_another_process_alone(tmp_path, monkeypatch):
    """A package `torch` that stands before the real one notes which process asks the devices."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        textwrap.dedent(
            """
            import os, pathlib, types
            def mem_get_info(index):
                pathlib.Path(__file__).with_name("asked").write_text(str(os.getpid()))
                return (index + 1) * 2**30, 2**35
            cuda = types.SimpleNamespace(device_count=lambda: 2, mem_get_info=mem_get_info)
            class device: pass
            """
        )
    )
    repository = str(Path(module.__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{repository}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    code = "from ricenet_v2.network.cards import cards; import torch, os; d = torch.device(); "
    code += "d.type, d.index = 'cuda', None; print([c.free for c in cards(d)], os.getpid())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    free, _, parent = done.stdout.strip().rpartition(" ")
    assert free == str([2**30, 2**31])
    assert (tmp_path / "torch" / "asked").read_text() != parent
