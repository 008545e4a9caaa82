"""Hashes of files follow their content, and no file is read twice in a process."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ricenet_v2.store import contents


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read, in order."""
    seen: list[Path] = []
    real = contents.sha256_of_file

    def watched(path: Path) -> str:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(contents, "sha256_of_file", watched)
    return seen


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(contents, "_SETTLED_NS", -1)


def expected(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once_while_it_stays_the_same(tmp_path, read):
    path = tmp_path / "image.nii.gz"
    path.write_bytes(b"voxels")
    assert contents.content_hash(path) == contents.content_hash(path) == expected(path)
    assert read == [path]


@pytest.mark.usefixtures("settled")
def test_other_content_of_the_same_size_and_time_has_another_hash(tmp_path):
    path = tmp_path / "dose.nii.gz"
    path.write_bytes(b"60 Gy")
    before = path.stat()
    first = contents.content_hash(path)
    (tmp_path / "new").write_bytes(b"30 Gy")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert contents.content_hash(path) == expected(path) != first


def test_a_file_that_has_just_changed_is_read_again(tmp_path, read):
    path = tmp_path / "image.nii.gz"
    path.write_bytes(b"voxels")
    assert contents.content_hash(path) == contents.content_hash(path)
    assert read == [path, path]


def test_a_missing_file_is_the_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        contents.content_hash(tmp_path / "image.nii.gz")
