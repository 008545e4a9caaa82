"""Programs of other makers: their ends, and that they end with the process that runs them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ricenet_v2.core import leftovers, program, scratch
from ricenet_v2.core.errors import LateError

PATIENCE = 60  # seconds; a busy machine is slow
STARTS = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
open(sys.argv[1], "w").write(f"{child.pid}\\n")
time.sleep(600)
"""
RUNS = f"""
import sys
from ricenet_v2.core.program import run
from ricenet_v2.core.scratch import scratch_folder

with scratch_folder() as folder:
    print(folder, flush=True)
    run([sys.executable, "-c", {STARTS!r}, sys.argv[1]], folder, folder / "log", 600)
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _waits_for(happens):
    deadline = time.monotonic() + PATIENCE
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happens()


@pytest.mark.parametrize(
    ("body", "code"),
    [("", 0), ("sys.exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL)],
)
def test_the_exit_code_is_that_of_the_program(tmp_path, body, code):
    words = [sys.executable, "-c", f"import os, signal, sys; print(os.getcwd()); {body}"]
    assert program.run(words, tmp_path, tmp_path / "log", PATIENCE) == code


def test_a_program_has_its_words_its_folder_and_its_errors(tmp_path):
    text = "import os, sys; sys.stderr.write(repr((sys.argv[1:], os.getcwd(), sys.stdin.read())))"
    words = [sys.executable, "-c", text, "a b", "--c", "$d"]
    program.run(words, tmp_path, tmp_path / "log", PATIENCE)
    assert (tmp_path / "log").read_text() == repr((["a b", "--c", "$d"], str(tmp_path), ""))


def test_what_is_no_program_is_an_error_of_the_system(tmp_path):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(PermissionError, match="ermission"):
        program.run([str(tmp_path / "text")], tmp_path, tmp_path / "log", PATIENCE)
    with pytest.raises(FileNotFoundError):
        program.run(["no-such-program"], tmp_path, tmp_path / "log", PATIENCE)


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path):
    number = tmp_path / "number"
    words = [sys.executable, "-c", STARTS, str(number)]
    for seconds in (1, 4, 16):  # a busy machine may not have started anything in the first
        with pytest.raises(LateError, match=f"longer than {seconds} s"):
            program.run(words, tmp_path, tmp_path / "log", seconds=seconds)
        if number.exists():
            break
    assert _waits_for(lambda: not _runs(int(number.read_text())))


def test_a_killed_process_leaves_neither_its_program_nor_for_long_its_folder(tmp_path, monkeypatch):
    temporary, number = tmp_path / "temporary", tmp_path / "number"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", RUNS, str(number)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().strip())
        assert _waits_for(lambda: number.exists() and number.read_text().endswith("\n"))
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o077 == 0
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        _make_one(monkeypatch)
        assert folder.exists()  # its process goes on
        parent.send_signal(signal.SIGKILL)
    assert _waits_for(lambda: not _runs(int(number.read_text())))
    foreign = temporary / ".other-1.partial"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    _make_one(monkeypatch)
    assert list(temporary.iterdir()) == [foreign]


def _make_one(monkeypatch):
    monkeypatch.setattr(leftovers, "_LOOKED_AT", set())  # as a new process
    with scratch.scratch_folder() as folder:
        (folder / "a").touch()
    assert not folder.exists()
