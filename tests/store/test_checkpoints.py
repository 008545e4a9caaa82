"""Reading files of weights runs none of their code."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.store import checkpoints


class Planted:
    """An object whose unpickling would leave a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_numpy_scalars_of_a_training_log_are_read(tmp_path):
    state = {
        "weight": torch.arange(3.0),
        "log": [np.float64(0.5), np.float32(0.25), np.int64(3), np.bool_(True)],
        "device": torch.device("cuda"),
    }
    torch.save(state, tmp_path / "file.pth")
    found = checkpoints.load_foreign(tmp_path / "file.pth")
    assert torch.equal(found["weight"], state["weight"])
    assert found["log"] == state["log"]
    with pytest.raises(CheckpointError, match="scalar was not an allowed global"):
        checkpoints.load(tmp_path / "file.pth")


def test_scalars_are_read_by_the_names_of_both_numpys(tmp_path):
    """Protocol 2 spells a global as text, so that the other version's name can be put in."""
    for old, new in ((b"numpy._core.", b"numpy.core."), (b"numpy.core.", b"numpy._core.")):
        file = tmp_path / "file.pth"
        state = {"weight": torch.ones(2), "log": np.float64(0.5)}
        torch.save(state, file, _use_new_zipfile_serialization=False)
        file.write_bytes(file.read_bytes().replace(old, new))
        assert new in file.read_bytes()
        assert checkpoints.load_foreign(file)["log"] == 0.5


@pytest.mark.parametrize("load", [checkpoints.load, checkpoints.load_foreign])
def test_code_in_a_file_is_not_run(tmp_path, load):
    trace = tmp_path / "trace"
    torch.save({"weights": Planted(trace)}, tmp_path / "file.pth")
    with pytest.raises(CheckpointError, match="not an allowed global"):
        load(tmp_path / "file.pth")
    assert not trace.exists()


def test_the_way_out_of_a_refused_file_works(tmp_path, monkeypatch):
    """The remedy's own lines, run as a user would paste them."""
    monkeypatch.chdir(tmp_path)
    weights = {"conv1.weight": torch.ones(2)}
    torch.save({"network_weights": weights, "plans": Path("plans.json")}, "file.pth")
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load_foreign(Path("file.pth"))
    remedy = caught.value.remedy or ""
    lines = [line.strip() for line in remedy.splitlines() if line.startswith("    ")]
    exec("\n".join(lines), {})
    found = checkpoints.load_foreign(Path("weights.pth"))
    assert torch.equal(found["conv1.weight"], weights["conv1.weight"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a file in both formats of torch."""
    folder = tmp_path_factory.mktemp("whole")
    state = {"weights": {"a": torch.ones(4), "b": torch.arange(9)}, "log": [np.float64(1), "x", 2]}
    torch.save(state, folder / "zip")
    torch.save(state, folder / "old", _use_new_zipfile_serialization=False)
    return folder, [(folder / name).read_bytes() for name in ("zip", "old")]


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@given(data=st.data())
def test_whatever_happened_to_a_file_the_error_is_ours(whole, data):
    folder, contents = whole
    content = bytearray(data.draw(st.sampled_from(contents)))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        content[place : place + 1] = bytes([data.draw(st.integers(0, 255))])
    (folder / "damaged.pth").write_bytes(content)
    with contextlib.suppress(CheckpointError):
        assert isinstance(checkpoints.load_foreign(folder / "damaged.pth"), dict)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"file\.pth"):
        checkpoints.load_foreign(tmp_path / "file.pth")


def test_a_file_that_is_no_dictionary_is_refused(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "file.pth")
    with pytest.raises(CheckpointError, match="a dictionary"):
        checkpoints.load_foreign(tmp_path / "file.pth")
    with pytest.raises(CheckpointError, match="a folder, not a file"):
        checkpoints.load_foreign(tmp_path)
