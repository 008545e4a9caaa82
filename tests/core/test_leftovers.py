"""Temporary files of killed processes go with the next file that is written beside them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ricenet_v2.core import files, leftovers

WRITING = """
import sys, time
from pathlib import Path
from ricenet_v2.core.files import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    time.sleep(600)
"""
A_DAY = 24 * 3600


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test looks at its folder as a process does that writes there first."""
    monkeypatch.setattr(leftovers, "_LOOKED_AT", set())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_process_writes_stays_until_it_is_killed(tmp_path, monkeypatch):
    command = [sys.executable, "-c", WRITING, str(tmp_path / "case.b2nd")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        half = child.stdout.readline().strip()
        files.write_text(tmp_path / "a.json", "{}")
        assert names(tmp_path) == [half, "a.json"]
        child.send_signal(signal.SIGKILL)
    files.write_text(tmp_path / "b.json", "{}")
    assert names(tmp_path) == [half, "a.json", "b.json"]  # this process has looked already
    monkeypatch.setattr(leftovers, "_LOOKED_AT", set())
    files.write_text(tmp_path / "c.json", "{}")
    assert names(tmp_path) == ["a.json", "b.json", "c.json"]


@pytest.mark.parametrize(
    "name",
    [
        ".case.1a2b3c4d.partial.b2nd",  # of an earlier version
        ".case.000000-1-abcdef.partial.b2nd",  # of another machine
    ],
)
def test_what_cannot_be_looked_up_stays_for_a_day(tmp_path, name):
    old, new = tmp_path / "old" / name, tmp_path / "new" / name
    for path in (old, new):
        path.parent.mkdir()
        path.write_text("half")
    os.utime(old, (time.time() - A_DAY - 60,) * 2)
    for folder in (old.parent, new.parent):
        files.write_text(folder / "a.json", "{}")
    assert not old.exists()
    assert new.exists()


def test_other_hidden_files_are_left_alone(tmp_path):
    for name in (".partial_notes", ".lock", "case.partial.b2nd"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    files.write_text(tmp_path / "a.json", "{}")
    assert {".partial_notes", ".lock", "case.partial.b2nd"} < set(names(tmp_path))


def test_the_name_of_a_temporary_file_tells_its_process_and_is_short(tmp_path):
    with files.replacing(tmp_path / "case.nii.gz") as temporary:
        temporary.touch()
        assert temporary.name.endswith(".partial.nii.gz")
        found = re.search(r"-([0-9a-f]+)-", temporary.name)
        assert found is not None
        assert int(found[1], 16) == os.getpid()
        assert len(temporary.name) <= len("case.nii.gz") + 34
