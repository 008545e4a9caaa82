"""A program of another maker: it ends with this process, and with it all that it started.

Between the two stands a process of this module, which hears that the parent is gone however that
one ended (`lifeline.py`), and which leads the group of processes that is ended then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from ricenet_v2.core import lifeline
from ricenet_v2.core.errors import LateError

_MODULE = "ricenet_v2.core.program"
_RUNS = "runs"


def run(words: Sequence[str], folder: Path, log: Path, seconds: float) -> int:
    """Run a program without a shell and wait for its end.

    Args:
        words: The program and its arguments.
        folder: Folder in which it runs.
        log: File that takes what it writes to stderr.
        seconds: Time limit in seconds; then it is ended, with all that it started.

    Returns:
        Its exit code; that of a program that a signal ended is negative.

    Raises:
        LateError: It took longer.
        OSError: It cannot be run.
    """
    with (
        log.open("wb") as stream,
        subprocess.Popen(  # noqa: S603 - the user's own, no shell
            lifeline.command(_MODULE, [str(folder), *words]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            start_new_session=True,
        ) as between,
    ):
        try:
            assert between.stdout is not None
            said = between.stdout.readline().decode(errors="replace").strip()
            if said != _RUNS:
                number, _, text = said.partition(" ")
                raise OSError(int(number) if number.isdecimal() else 0, text or "it did not start")
            between.wait(seconds)
            said = between.stdout.readline().decode().strip()
        except subprocess.TimeoutExpired:
            raise LateError.after(seconds) from None
        finally:
            _end_group(between.pid)
    return int(said) if said else between.returncode


def _end_group(leader: int) -> None:
    if sys.platform != "win32":  # where nothing of this program runs
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def _end_all(_number: int, _frame: FrameType | None) -> None:
    _end_group(os.getpid())


def main(arguments: Sequence[str]) -> None:
    """Run in the process between: the folder, the program, its arguments."""
    folder, *words = arguments
    signal.signal(signal.SIGTERM, _end_all)
    try:
        program = subprocess.Popen(  # noqa: S603
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    except OSError as error:
        _say(f"{error.errno or 0} {error.strerror or type(error).__name__}")
        return
    _say(_RUNS)
    _say(str(program.wait()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
