"""Commands as processes of their own, forked from a server that has imported all they need.

`Forked` is to be used as `subprocess.Popen` is, which is left for what a fresh interpreter does.
Workers of the product are forked from the server, too (`fork_workers`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from threading import Thread
from typing import IO

from ricenet_v2.core import worker

SERVER = Path(__file__).with_name("fork_server.py")
_SHIM = """#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server, server.makefile("r") as answers:
    server.connect({address!r})
    socket.send_fds(server, [b"-"], [0, 1, 2])
    words = {{"words": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
    server.sendall(json.dumps(words).encode() + b"\\n")
    forked = int(answers.readline())
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(forked, number))
    code = int(answers.readline())
sys.exit(code if code >= 0 else 128 - code)
"""


class ForkServer:
    """The server, held until `close`; it ends when nobody holds it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._holding = self._connected()
        with self._holding.makefile("r") as answers:
            _ask(self._holding, "hold", (0, 1, 2))
            self.pid = int(answers.readline())

    @classmethod
    def started(cls, folder: Path) -> ForkServer:
        """A new one; the name of the folder of its socket is to be short.

        Raises:
            RuntimeError: It ended while it imported what commands import.
        """
        address, log = folder / "socket", folder / "log"
        streams = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        streams += [
            (os.POSIX_SPAWN_OPEN, number, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for number in (1, 2)
        ]
        words = [sys.executable, str(SERVER), str(address)]
        # Not by `subprocess`, which warns of processes that outlive those that have started them.
        process = os.posix_spawn(words[0], words, os.environ, file_actions=streams, setpgroup=0)
        while not address.exists():
            if os.waitpid(process, os.WNOHANG)[0]:
                raise RuntimeError(log.read_text())
            time.sleep(0.02)
        return cls(str(address))

    def _connected(self) -> socket.socket:
        return _connected(self.address)

    @property
    def shim(self) -> str:
        """A program that has the server do what its name and its words say."""
        return _SHIM.format(python=sys.executable, address=self.address)

    def close(self) -> None:
        """Let it go."""
        self._holding.close()

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        start_new_session: bool = False,
    ) -> Forked:
        """Start a command.

        Args:
            words: `ricenet_NAME ...`, `python -m module ...` or `python script ...`.
            cwd: Its folder.
            env: Its environment.
            stdout: `subprocess.PIPE`, or its text is lost.
            stderr: As stdout.
            start_new_session: Whether it leads a group of processes.
        """
        asked = {
            "words": [str(word) for word in words],
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        connection, mine = self._connected(), [None, None]
        its = [os.open(os.devnull, os.O_RDONLY)]
        for place, wanted in enumerate((stdout, stderr)):
            if wanted == subprocess.PIPE:
                read, write = os.pipe()
                mine[place] = os.fdopen(read, encoding="utf-8", errors="replace")
                its.append(write)
            else:
                its.append(os.open(os.devnull, os.O_WRONLY))
        _ask(connection, asked, its)
        for stream in its:
            os.close(stream)
        return Forked(connection, *mine)

    def run(self, words: Sequence[str], **how: object) -> subprocess.CompletedProcess[str]:
        """Start a command and wait for its end, with what it printed."""
        process = self.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
        said = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, *said)


def fork_workers(address: Callable[[], str], patch: Callable[[object, str, object], None]) -> None:
    """Have a server fork the processes that the product, and Dask, would spawn.

    They get what spawned ones get: functions by their names, the environment, the streams, nothing
    that a test has changed in its own process.

    Args:
        address: Gives that of the server, which is asked for when the first process is started.
        patch: As `setattr`, or that of a monkeypatch.
    """

    def start(given: Sequence[int]) -> tuple[int, int]:
        (answers, tells), (reads, writes) = os.pipe(), os.pipe()
        asked = {"folder": str(Path.cwd()), "environment": dict(os.environ)}
        with _connected(address()) as connection:
            tracker = resource_tracker.getfd()
            _ask(connection, asked, (tells, reads, 1, 2, tracker, *given))
        os.close(tells)
        os.close(reads)
        return answers, writes

    patch(worker, "START_METHOD", "forkserver")
    patch(forkserver, "connect_to_new_process", start)


def _connected(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _ask(connection: socket.socket, asked: object, streams: Sequence[int]) -> None:
    socket.send_fds(connection, [b"-"], streams)
    connection.sendall(json.dumps(asked).encode() + b"\n")


class Forked:
    """A process that was forked for a command."""

    def __init__(
        self, connection: socket.socket, stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._connection, self._heard = connection, b""
        self.pid = self._answer()

    def _answer(self, seconds: float | None = None) -> int | None:
        """The next number that the server says; None where that takes longer."""
        while b"\n" not in self._heard:
            if not select.select([self._connection], [], [], seconds)[0]:
                return None
            if not (part := self._connection.recv(64)):
                raise RuntimeError("The server of forks has ended.")
            self._heard += part
        line, self._heard = self._heard.split(b"\n", 1)
        return int(line)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended; negative where a signal ended it."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return code

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self.returncode = self._answer(seconds)
            if self.returncode is not None:
                self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str | None, str | None]:
        """What it, and all that hold its streams, wrote until they ended."""
        streams, texts = (self.stdout, self.stderr), [None, None]

        def read(place: int) -> None:
            with streams[place] as stream:
                texts[place] = stream.read()

        readers = [Thread(target=read, args=(n,), daemon=True) for n in (0, 1) if streams[n]]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        self.wait(timeout)
        return texts[0], texts[1]
