"""What a path may lead to besides a file, and that none of it is opened."""

import ast
import os
import socket
from pathlib import Path

import pytest

import ricenet_v2
from ricenet_v2.core import regular
from ricenet_v2.core.files import sha256_of_file

KINDS = {
    "pipe": (os.mkfifo, "a named pipe"),
    "linked_pipe": (lambda path: path.symlink_to("pipe"), "a named pipe"),
    "device": (lambda path: path.symlink_to(os.devnull), "a device"),
    "folder": (lambda path: path.mkdir(), "a folder"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "a symbolic link to nothing: 'nowhere'"),
    "loop": (lambda path: path.symlink_to(path.name), "leads back to itself"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_named_and_not_opened(tmp_path, kind):
    make, said = KINDS[kind]
    if kind == "linked_pipe":
        os.mkfifo(tmp_path / "pipe")
    make(tmp_path / kind)
    assert said in regular.fault_of_file(tmp_path / kind)
    assert not regular.is_missing(tmp_path / kind)
    with pytest.raises(OSError, match=r"link|pipe|device|folder"):  # and it returns at once
        sha256_of_file(tmp_path / kind)


def test_a_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s")
        assert "a socket" in regular.fault_of_file(tmp_path / "s")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    assert regular.fault_of_file(tmp_path / "file") == ""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may read all
    assert "may not read" in regular.fault_of_file(tmp_path / "file")


def test_nothing_is_missing_and_names_that_no_file_can_have_are_not(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "none", tmp_path / "file" / "below"):
        assert regular.is_missing(path)
        with pytest.raises(FileNotFoundError):
            regular.check_regular(path)
    for name in ("x" * 300, "a\0b"):
        assert not regular.is_missing(tmp_path / name)
        assert regular.fault_of_file(tmp_path / name)


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a named pipe"):  # and it returns at once
        regular.opened(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    assert regular.read_bytes(tmp_path / "file") == b"x"


OPENING = {"open", "read_text", "read_bytes"}
ELSEWHERE = {
    "cli/streams.py": 1,  # the null device
    "core/files.py": 2,  # temporary files of its own
    "core/leftovers.py": 1,  # /proc
    "core/locks.py": 2,  # without waiting, and judged after that
    "core/machine.py": 1,  # /proc
    "core/memory.py": 3,  # /proc and /sys
    "core/regular.py": 1,
    "core/program.py": 1,  # a temporary file of its own
    "ingest/brain_command.py": 1,  # a temporary file of its own
    "reporting/case/volumes.py": 1,  # a temporary file of its own
    "reporting/conversion/page.py": 1,  # of a stream that is open
    "reporting/results/write.py": 2,  # files of the package
    "store/checksums.py": 1,  # a temporary file of its own
    "store/image_content.py": 1,  # gzip, of a stream that is open
    "store/nifti.py": 1,  # gzip, of a file that was open just before
    "training/shared_memory.py": 1,  # memory of the parent
}
"""Calls of methods that open a file by themselves, by module; all others go through `regular`."""


def _n_openings(path):
    return sum(
        isinstance(node, ast.Call) and getattr(node.func, "attr", "") in OPENING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_every_reader_opens_files_through_this_module():
    """A new one belongs to `regular.opened`; else say here why it cannot wait for a pipe."""
    root = Path(ricenet_v2.__file__).parent
    found = {path.relative_to(root).as_posix(): _n_openings(path) for path in root.rglob("*.py")}
    assert {name: number for name, number in found.items() if number} == ELSEWHERE
