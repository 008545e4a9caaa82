"""A checkpoint carries the hash of its bytes: no change of it is read."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.store import checkpoints, checksums


@pytest.fixture
def saved(tmp_path):
    """A checkpoint, and its bytes."""
    path = tmp_path / "checkpoint_final.pth"
    checkpoints.save(path, {"weight": torch.arange(40.0), "epoch": 3})
    return path, path.read_bytes()


def test_any_flipped_bit_is_found(saved):
    """Every bit of the end of the file, and a thousand others."""
    path, whole = saved
    bits = 8 * len(whole)
    drawn = np.random.default_rng(0).integers(0, bits, 1000).tolist()
    for bit in [*range(bits - 8 * 110, bits), *drawn]:
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"damaged|cannot be read"):
            checkpoints.load(path)


def test_a_file_that_ends_early_is_found(saved):
    path, whole = saved
    for size in (0, 1, 21, 22, len(whole) // 2, *range(len(whole) - 110, len(whole))):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            checkpoints.load(path)


@pytest.mark.parametrize("n", [1, 21, 82, 104, 200, 4096, 70_000])
@pytest.mark.parametrize("fill", [b"\0", b"x"])
def test_what_something_appended_does_not_hide_a_change(saved, n, fill):
    """As a copy that is filled up to whole blocks; archives may have anything behind them."""
    path, whole = saved
    changed = bytearray(whole)
    changed[whole.index(np.float32(39).tobytes())] ^= 1
    for content in (whole, bytes(changed)):
        path.write_bytes(content + n * fill)
        with pytest.raises(CheckpointError):
            checkpoints.load(path)


def test_what_is_compared_is_what_is_read(saved, monkeypatch):
    """Another file may take its place in between, as in a training that goes on."""
    path, _ = saved
    compare = checksums.state_of

    def replaced(stream):
        state = compare(stream)
        path.with_suffix(".new").write_bytes(b"another file")
        path.with_suffix(".new").replace(path)
        return state

    monkeypatch.setattr(checksums, "state_of", replaced)
    assert checkpoints.load(path)["epoch"] == 3


def test_other_readers_of_archives_are_not_hindered(saved):
    path, _ = saved
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"ricenet_v2 sha256 ")
    assert torch.load(path, weights_only=True)["epoch"] == 3
    assert torch.load(path, weights_only=True, mmap=True)["epoch"] == 3


def test_files_of_older_versions_and_of_others_are_read(tmp_path):
    for name, is_zip in (("new", True), ("old", False)):
        path = tmp_path / f"{name}.pth"
        torch.save({"epoch": 5}, path, _use_new_zipfile_serialization=is_zip)
        with path.open("rb") as stream:
            assert checksums.state_of(stream) == "none"
        assert checkpoints.load(path) == {"epoch": 5}


def test_only_an_archive_without_a_comment_gets_a_checksum(saved, tmp_path):
    path, _ = saved
    with path.open("rb") as stream:
        assert checksums.state_of(stream) == "whole"
    with pytest.raises(ValueError, match="without a comment"):
        checksums.add_checksum(path)
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(ValueError, match="without a comment"):
        checksums.add_checksum(tmp_path / "text")
