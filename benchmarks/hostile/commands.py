"""Commands of the program, each in a process of its own that can be limited, watched and killed.

A process with torch costs seconds to start, so they are forked from a server that has everything
imported. Each is the first of its session, by which what it leaves behind is recognised.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_PRELOADED = (
    "torch._dynamo",
    "SimpleITK",
    "blosc2",
    "highdicom",
    "ricenet_v2.api.conversion",
    "ricenet_v2.api.training",
    "ricenet_v2.api.planning",
    "ricenet_v2.api.prediction",
    "ricenet_v2.cli.ablate",
    "ricenet_v2.cli.convert",
    "ricenet_v2.cli.plan_and_preprocess",
    "ricenet_v2.cli.predict",
    "ricenet_v2.inference.folder",
    "ricenet_v2.network.cost",
    "ricenet_v2.preprocessing.cohort",
    "ricenet_v2.planning.planner",
)
_SECONDS = 120.0
_SECONDS_TO_END = 15.0

Before = Callable[[], None]


@dataclass(frozen=True)
class Answer:
    """What a command ended with.

    Attributes:
        code: Exit code, negative where a signal ended it; None where it did not end in time.
        text: What it wrote to both streams.
    """

    code: int | None
    text: str


def server() -> Any:
    """The context whose processes have everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", *_PRELOADED])
    return context


class _Log:
    """What a command writes, carried from a pipe to a file.

    The command itself writes into no file, so that limits of its disk never cut off its words.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
        self._file = file
        self._pipe, self.end = server().Pipe(duplex=False)
        os.set_blocking(self._pipe.fileno(), False)
        self._lock = threading.Lock()
        threading.Thread(target=self._carry, daemon=True).start()

    def text(self) -> str:
        """All that was written so far."""
        self._drain()
        return self._file.read_text(encoding="utf-8", errors="replace")

    def _carry(self) -> None:
        waiting = select.poll()
        waiting.register(self._pipe.fileno(), select.POLLIN)
        while True:
            waiting.poll()
            if self._drain():
                return

    def _drain(self) -> bool:
        """Take what is in the pipe; whether nobody can write into it any more."""
        with self._lock, self._file.open("ab") as file:
            while not self._pipe.closed:
                try:
                    written = os.read(self._pipe.fileno(), 2**16)
                except BlockingIOError:
                    return False
                if not written:
                    self._pipe.close()
                file.write(written)
        return True


class Running:
    """A command that was begun."""

    def __init__(
        self, command: str, words: Sequence[object], log: Path, before: Before | None = None
    ) -> None:
        """Begin.

        Args:
            command: Command without `ricenet_`.
            words: Its arguments.
            log: Where its words are kept.
            before: Called in its process beforehand; can be sent.
        """
        self._log = _Log(log)
        given = (command, [str(word) for word in words], self._log.end, before)
        self._process = server().Process(target=_run, args=given)
        self._process.start()
        self._log.end.close()

    @property
    def number(self) -> int:
        """Number of the process."""
        return int(self._process.pid)

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return not self._process.is_alive()

    def said(self) -> str:
        """What it has written so far."""
        return self._log.text()

    def ended(self, seconds: float = _SECONDS) -> Answer:
        """Wait for its end; it is killed, with all that it started, when the time is over."""
        self._process.join(seconds)
        if self._process.is_alive():
            self.kill()
            end(self.left())
            return Answer(None, self.said())
        return Answer(self._process.exitcode, self.said())

    def kill(self) -> int:
        """SIGKILL; the exit code."""
        if self._process.is_alive():
            os.kill(self.number, signal.SIGKILL)
        self._process.join()
        return int(self._process.exitcode)

    def left(self) -> list[int]:
        """Processes of its session that still run, the command itself left out."""
        return [number for number in of_session(self.number) if number != self.number]

    def orphans(self, seconds: float = _SECONDS_TO_END) -> list[int]:
        """Processes that are still there so many seconds after it has ended; they are ended."""
        limit = time.monotonic() + seconds
        while (remaining := self.left()) and time.monotonic() < limit:
            time.sleep(0.05)
        end(remaining)
        return remaining


def ask(
    command: str,
    *words: object,
    log: Path,
    before: Before | None = None,
    seconds: float = _SECONDS,
) -> Answer:
    """Run a command to its end; arguments as of `Running`."""
    return Running(command, words, log, before).ended(seconds)


def of_session(number: int) -> list[int]:
    """Processes of a session (Linux), those that wait to be reaped left out."""
    numbers = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, _, _, session, *_ = fields.rpartition(")")[2].split()
        if int(session) == number and state not in "ZX":
            numbers.append(int(entry.name))
    return numbers


def end(numbers: Sequence[int]) -> None:
    """SIGKILL to each."""
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def with_processes() -> None:
    """Patch before a command: cases go to several processes, however small they are."""
    from ricenet_v2.core import memory

    memory.WORTH_PROCESSES = 0


def _run(command: str, words: list[str], log: Connection, before: Before | None) -> None:
    """Run the command in this process."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(log.fileno(), stream)
    log.close()
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
    os.environ["OMP_NUM_THREADS"] = "1"
    importlib.import_module("torch").set_num_threads(1)
    # As in the real command: the server of this process would start one of its own for workers.
    multiprocessing.set_start_method(None, force=True)
    if before is not None:
        before()
    code = importlib.import_module(f"ricenet_v2.cli.{command}").main(words)
    sys.exit(code)
