"""How commands end: words, exit codes, and what does not end them."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ricenet_v2.cli import common
from ricenet_v2.core.errors import DiskFullError, KilledError, StoppedError


def _allocated_by_numpy():
    np.ones(10**14)


def _allocated_by_torch():
    torch.empty(10**14)


def _full():
    raise OSError(28, "No space left on device")


def _misspelt():
    "\xfc".encode("ascii")


def _raised(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (_allocated_by_numpy, 2, "--cache_gb"),
        (_allocated_by_torch, 2, "--cache_gb"),
        (_full, 2, "/dev/shm"),
        (_misspelt, 2, "LC_ALL=C.UTF-8"),
        # As libraries of this program say it where the address space ends.
        (_raised(RuntimeError("could not create a primitive")), 2, "--cache_gb"),
        (_raised(ImportError("libXau.so: failed to map segment from shared object")), 2, "memory"),
        (_raised(OSError(errno.ENOMEM, "Cannot allocate memory")), 2, "--cache_gb"),
        (_raised(OSError(errno.EROFS, "Read-only file system", "/data")), 2, "--workspace"),
        (_raised(PermissionError(errno.EACCES, "Permission denied", "/data")), 2, "what to do"),
        (_raised(OSError(errno.EIO, "Input/output error", "/data")), 2, "run the same command"),
        (_raised(DiskFullError("Full.", remedy="Make room.")), 2, "Make room"),
        (_raised(StoppedError("Stopped.", remedy="--continue")), 1, "--continue"),
        (_raised(KilledError("Killed.")), 1, "Killed."),
        (_raised(KeyboardInterrupt()), 1, "--continue"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 1, "Interrupted by SIGTERM"),
    ],
)
def test_what_was_foreseen_ends_in_words_without_a_traceback(command, code, told, capsys):
    before = signal.getsignal(signal.SIGTERM)
    assert common.run(command) == code
    written = capsys.readouterr().err
    assert told in written
    assert "Traceback" not in written
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_sigterm_ends_a_forked_child_at_once():
    code = (
        "import os, signal, time\n"
        "from ricenet_v2.cli import common\n"
        "def command():\n"
        "    reads, writes = os.pipe()\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os.write(writes, b'x')\n"  # Python forgets signals that come during a fork
        "        time.sleep(20)\n"
        "    os.read(reads, 1)\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "    return 0\n"
        "raise SystemExit(common.run(command))\n"
    )
    done = _python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"-15\n", b"")


SPELLS = (
    "from ricenet_v2.cli import common\n"
    "def command():\n"
    "    print('1 \\xb1 2, M\\xfcller \\u2192 \\ud800')\n"
    "    common.table('t\\xfc', ['a \\xb1 b'], [['\\xfc']])\n"
    "    raise ValueError('\\xfc')\n"
    "raise SystemExit(common.run(command))\n"
)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {},
    ],
    ids=lambda variables: "-".join(variables.values()) or "as it is",
)
def test_no_encoding_of_a_terminal_ends_a_command(variables):
    done = _python(SPELLS, **variables)
    assert done.returncode == 2
    assert b"1 " in done.stdout
    assert b"UnicodeEncodeError" not in done.stderr
    assert b"Please report it" in done.stderr


WRITES = (
    "import pathlib, sys\n"
    "from ricenet_v2.cli import common\n"
    "def command():\n"
    "    for _ in range(20_000):\n"
    "        print('a line', flush=True)\n"
    "    pathlib.Path(sys.argv[1]).touch()\n"
    "    return 0\n"
    "raise SystemExit(common.run(command))\n"
)


def test_a_reader_that_goes_away_does_not_end_the_work(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path / "done")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"a line\n"
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    assert (running.wait(), said) == (0, b"")
    assert (tmp_path / "done").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_log_does_not_end_the_work(tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        words = [sys.executable, "-c", WRITES, str(tmp_path / "done")]
        done = subprocess.run(words, stdout=full, stderr=full, check=False)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()


def test_nobody_reads_the_help():
    code = "import sys\nfrom ricenet_v2.cli import train\nsys.stdin.read()\ntrain.main(['-h'])\n"
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdout.close()
    running.stdin.close()
    said = running.stderr.read()
    running.stderr.close()
    assert (running.wait(), said) == (0, b"")


def _python(code, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONIOENCODING"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **variables},
        capture_output=True,
        check=False,
    )
