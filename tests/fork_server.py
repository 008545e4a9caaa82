"""A process with all imported that commands import, which forks itself for each; run by path.

A fresh interpreter needs seconds to import torch and its compiler. A fork behaves like one: words,
folder, environment and streams are those that were asked for, threads and what is registered for
the end are waited for, and its exit code is the server's answer. Only modules are not torn down,
which takes longer than many commands. Processes of `multiprocessing` are forked likewise. See
tests/forked.py for the other end.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import sys
import threading
import traceback
import weakref
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker, spawn
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = (
    *("torch._dynamo", "ricenet_v2.training.seeds", "ricenet_v2.inference.folder"),
    *("ricenet_v2.evaluation.evaluate", "ricenet_v2.explanation.folder"),
    *("ricenet_v2.reporting.results.write", "highdicom", "captum.attr"),
)
_SECONDS_UNTIL_HELD = 60.0
_MOST_STREAMS = 64
ROOMS = ("ricenet_v2.api", "ricenet_v2.cli")


def _preload() -> None:
    importlib.import_module("tests.small_work").progress_picture()  # drawn once for all
    for room in ROOMS:
        for module in pkgutil.iter_modules(importlib.import_module(room).__path__, f"{room}."):
            importlib.import_module(module.name)
    for name in PRELOADED:
        importlib.import_module(name)
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False  # of what is imported here, which no fork tears down
    gc.collect()
    gc.freeze()


class Server:
    """Forks for requests until the last process that holds it has let it go.

    A connection says `hold`, or what is wanted: the words of a command behind its three streams, or
    none behind what `multiprocessing` gives a process.
    """

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{address}_early")
        self._listener.listen()
        Path(f"{address}_early").rename(address)  # whoever sees it can connect
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._woken, self._wakes = os.pipe()
        for end in (self._woken, self._wakes):
            os.set_blocking(end, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes)
        self._kept = Path(address).parent
        self._children: dict[int, socket.socket | int] = {}
        self._holders = 0

    def request(self) -> dict | None:
        """What this process, a fork of the server, is to do; None where the server ends."""
        while True:
            events = self._selector.select(_SECONDS_UNTIL_HELD)
            if not events and not self._holders:  # whoever started it was killed
                return None
            for key, _ in events:
                if key.fileobj is self._listener:
                    if (request := self._accepted()) is not None:
                        return request
                elif key.fileobj == self._woken:
                    os.read(self._woken, 4096)
                    self._answer()
                else:
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()
                    self._holders -= 1
                    if not self._holders:
                        return None

    def _accepted(self) -> dict | None:
        connection, _ = self._listener.accept()
        _, streams, _, _ = socket.recv_fds(connection, 1, _MOST_STREAMS)
        with connection.makefile("r", encoding="utf-8") as lines:
            asked = json.loads(lines.readline())
        if asked == "hold":
            for stream in streams:
                os.close(stream)
            self._tell(connection, os.getpid())
            self._holders += 1
            self._selector.register(connection, selectors.EVENT_READ)
            return None
        waits = connection
        if "words" not in asked:
            waits, *streams = streams
        child = os.fork()
        if not child:
            self._leave(connection, waits)
            return {**asked, "streams": streams, "kept": self._kept}
        for stream in streams:
            os.close(stream)
        self._children[child] = waits
        self._tell(waits, child)
        return None

    def _answer(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                child, status = ended
                waits = self._children.pop(child)
                self._tell(waits, os.waitstatus_to_exitcode(status))
                _close(waits)

    def _tell(self, waits: socket.socket | int, number: int) -> None:
        with suppress(OSError):  # nobody listens any more
            if isinstance(waits, int):
                forkserver.write_signed(waits, number)
            else:
                waits.sendall(f"{number}\n".encode())

    def _leave(self, *waiting: socket.socket | int) -> None:
        """Close in a fork all that belongs to the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        held = [key.fileobj for key in self._selector.get_map().values() if key.fd != self._woken]
        for end in {*held, *self._children.values(), *waiting, self._wakes, self._woken}:
            _close(end)
        self._selector.close()


def _close(end: socket.socket | int) -> None:
    if isinstance(end, int):
        os.close(end)
    else:
        end.close()


def _become(request: dict, streams: dict[int, int]) -> None:
    """Take the streams, the environment and the folder that were asked for."""
    for number, stream in streams.items():
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        for number, mode, errors in (
            (0, "r", "strict"),
            (1, "w", "strict"),
            (2, "w", "backslashreplace"),
        )
    )
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    little = importlib.import_module("tests.small_work")
    if little.COARSE in os.environ:
        little.coarse_checks(setattr)
    if "RICENET_TESTS_SMALL" in os.environ:
        little.shrink(setattr)
        little.the_same_plan_page(setattr, request["kept"] / "plan_page.html")


def _process(request: dict) -> int:
    """Become a process of `multiprocessing`, which reads what it is to do."""
    given, output, errors, tracker, *inherited = request["streams"]
    _become(request, {1: output, 2: errors})
    resource_tracker._resource_tracker._fd = tracker
    forkserver._forkserver._inherited_fds = inherited
    return spawn._main(given, os.dup(given))


def _follow(request: dict) -> None:
    """Become the command: `ricenet_NAME ...`, `python -m module ...` or `python script ...`."""
    if request.get("new_session"):
        os.setsid()
    _become(request, dict(enumerate(request["streams"])))
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [path for path in added if path and path not in sys.path]
    program, *words = request["words"]
    words = words[words[:1] == ["-u"] :]  # streams that are held back
    name = Path(program).name
    if name.startswith("ricenet_"):
        sys.argv = [program, *words]
        sys.exit(importlib.import_module(f"ricenet_v2.cli.{name.removeprefix('ricenet_')}").main())
    if words[0] == "-m":
        sys.path.insert(0, request["folder"])
        sys.argv = words[1:]
        sys.modules.pop(words[1], None)  # it was only imported here
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _exit_code(request: dict) -> int:
    try:
        if "words" not in request:
            return _process(request)
        _follow(request)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def main() -> None:
    """Serve at an address, the only word."""
    address = sys.argv[1]
    sys.path.append(str(ROOT))
    _preload()
    importlib.import_module("tests.forked").fork_workers(lambda: address, setattr)
    request = Server(address).request()
    if request is not None:
        _end(_exit_code(request))
    shutil.rmtree(Path(address).parent)


if __name__ == "__main__":
    main()
