"""A process that ends with the one that started it, however that one ended.

On Linux the kernel sends the signal (`PR_SET_PDEATHSIG` of prctl(2)), even to a process that is
deep in a library. Elsewhere a thread waits for a pipe to close whose other end the parent holds.

Linux counts the end of the *thread* that started a process as the end of its parent: such a thread
has to stay until the process has ended.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import connection

from ricenet_v2.core.command import invocation, on_behalf_of

_PR_SET_PDEATHSIG = 1
_HAS_PDEATHSIG: bool = sys.platform == "linux"
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_SAVE = 2.0


def end_with_parent() -> None:
    """Ask for SIGTERM when the parent of this process of `multiprocessing` has ended.

    A training receives the signal and saves its finished epochs; all else ends at once.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None or _kernel_signals(parent.pid):
        return
    sentinel, number = parent.sentinel, os.getppid()

    def is_gone() -> bool:
        # A process that was forked later holds the other end of the sentinel too, so that the
        # parent itself is looked at from time to time: an orphan gets another one.
        ready = connection.wait([sentinel], timeout=_SECONDS_BETWEEN_LOOKS)
        return bool(ready) or os.getppid() != number

    _watch(is_gone)


def command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of a module that ends with this process.

    What the module writes names the command line that this process works for, not its own. It is
    to be started with a pipe as its standard input (`stdin=subprocess.PIPE`), which stays open as
    long as it may run.

    Args:
        module: Has a `__main__` part.
        arguments: Its arguments.
    """
    ours = [str(os.getpid()), json.dumps(invocation())]
    return [sys.executable, "-m", "ricenet_v2.core.lifeline", *ours, module, *arguments]


def _kernel_signals(parent: int) -> bool:
    """Whether the kernel will send SIGTERM when the parent has ended; sent here where it has."""
    # Between a process and its parent may stand a fork server, whose end the kernel would report.
    if not _HAS_PDEATHSIG or os.getppid() != parent:
        return False
    try:
        if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            return False
    except (OSError, AttributeError):  # a C library without prctl
        return False
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)
    return True


def _watch(is_gone: Callable[[], bool]) -> None:
    """Have a thread send SIGTERM to this process once the parent is gone."""

    def watch() -> None:
        while not is_gone():
            pass
        # Training receives the first and saves; the next ends the process, which then has no task.
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_TO_SAVE)

    threading.Thread(target=watch, daemon=True).start()


def _is_closed(descriptor: int) -> bool:
    """Wait for a byte that nobody sends; the other end of the pipe closes with its process."""
    try:
        return not os.read(descriptor, 1)
    except OSError:
        return True


def main(arguments: Sequence[str]) -> None:
    """Run a module in this process.

    Args:
        arguments: Number and invocation of the parent, the module, its arguments.
    """
    parent, command_line, module, *rest = arguments
    if not _kernel_signals(int(parent)):
        descriptor = sys.stdin.fileno()
        _watch(lambda: _is_closed(descriptor))
    sys.argv = [module, *rest]
    with on_behalf_of(json.loads(command_line)):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
