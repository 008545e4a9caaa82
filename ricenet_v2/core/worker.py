"""One process with a pipe to it, which answers calls until it is closed or killed."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from ricenet_v2.core.abandoned_threads import end_now
from ricenet_v2.core.errors import LateError
from ricenet_v2.core.lifeline import end_with_parent

START_METHOD = "spawn"
"""Start method of `multiprocessing`; never a fork of this process."""

# Processes are counted and reaped in one place of `multiprocessing`, which no lock guards.
_ONE_AT_A_TIME = threading.Lock()
_SECONDS_BETWEEN_LOOKS = 1.0


def may_start_processes() -> bool:
    """Whether this process may; the workers of a `multiprocessing.Pool`, or of Dask, may not."""
    return not multiprocessing.current_process().daemon


class _ThisProcess:
    """Whether this process is one that a `Worker` started, and is to end behind its task."""

    is_worker = False
    is_spent = False


def end_after_task() -> bool:
    """Have this process end once its present task is answered; another takes its place.

    For what a task leaves behind that no other must meet, as a device that is lost.

    Returns:
        Whether it will: False where no `Worker` started this process.
    """
    _ThisProcess.is_spent = _ThisProcess.is_worker
    return _ThisProcess.is_worker


class LostError(BrokenExecutor):
    """The process that worked at a task has ended before the task."""


@dataclass(frozen=True)
class Call:
    """A task of an executor; `function` is None where its process has it already."""

    future: Future[Any]
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Worker:
    """A process of this machine, spawned, never forked: threads of libraries survive no fork.

    It ends with this process.

    Attributes:
        is_ready: Whether it was started and waits for calls.
        has_died: Whether it has ended, will end now, or could not be started.
    """

    def __init__(
        self,
        once: Callable[..., Any] | None,
        seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare one.

        Args:
            once: Is sent to it when it starts.
            seconds: Time in seconds that a call may take; None for no limit.
            environment: Variables that are set in it before anything else is done.
        """
        self._once, self._seconds = once, seconds
        self._environment = dict(environment or {})
        self._process: Any = None
        self._pipe: Any = None  # its class depends on the operating system
        self.is_ready = self.has_died = False

    def start(self) -> None:
        """Start it and send it what it gets once.

        Raises:
            LostError: It ended before it was ready.
        """
        once = pickle.dumps((self._environment, pickle.dumps(self._once)))
        context: Any = multiprocessing.get_context(START_METHOD)
        with _ONE_AT_A_TIME:
            self._pipe, its_end = context.Pipe()
            self._process = context.Process(target=_work, args=(its_end,))
            try:
                self._process.start()
            except BaseException:  # e.g. there are too many processes
                self._process, self.has_died = None, True
                raise
            finally:
                its_end.close()
        # Not as an argument: `multiprocessing` waits for ever for a process that dies before it has
        # read all of those.
        self._send(once)
        self._received()
        self.is_ready = True

    def answer(self, call: Call) -> Any:
        """Result of the function in the process, or its error.

        Raises:
            LostError: The process has ended.
            LateError: It took too long, and was killed.
        """
        self._send(pickle.dumps((call.function, call.args, call.kwargs)))
        self._received()  # it has the task, for which it may have had to import libraries
        if not self._wait_for(self._pipe, self._process.sentinel, seconds=self._seconds):
            self._process.kill()
            self._lost()
            raise LateError.after(self._seconds or 0)
        is_made, answer, self.has_died = pickle.loads(self._received())  # noqa: S301 - our own process sent it
        if is_made:
            return answer
        raise answer

    def _send(self, message: bytes) -> None:
        try:
            self._pipe.send_bytes(message)
        except OSError as error:
            raise self._lost() from error

    def _received(self) -> bytes:
        self._wait_for(self._pipe, self._process.sentinel)
        try:
            if self._pipe.poll():
                message: bytes = self._pipe.recv_bytes()
                return message
        except (EOFError, OSError) as error:
            raise self._lost() from error
        raise self._lost()

    def _lost(self) -> LostError:
        self.has_died = True
        code = self._joined()
        if code is not None and code < 0:
            return LostError(f"killed by {signal.Signals(-code).name}")
        return LostError(f"ended with exit code {code}")

    def _joined(self) -> int | None:
        self._wait_for(self._process.sentinel)
        with _ONE_AT_A_TIME:
            self._process.join()
            code: int | None = self._process.exitcode
        return code

    def _wait_for(self, *ends: Any, seconds: float | None = None) -> bool:
        """Wait until one of them has something to say, or the process has ended.

        A process that it has forked holds its ends as long as that one lives.

        Returns:
            False where that takes more than so many seconds.
        """
        until = math.inf if seconds is None else time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if wait(ends, min(_SECONDS_BETWEEN_LOOKS, left)):
                return True
            with _ONE_AT_A_TIME:
                if self._process.exitcode is not None:
                    return True
        return False

    def end(self) -> None:
        """Close the pipe, by which the process ends, and wait for it."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._joined()


def _work(pipe: Connection[Any, Any]) -> None:
    """Run in the process: take what is sent once, then answer until nobody asks."""
    # Work that starts processes itself does so as a command would: spawned ones, which this one
    # would hand down, import torch for every training.
    multiprocessing.set_start_method(None, force=True)
    end_with_parent()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        _ThisProcess.is_worker = True
        environment, sent_once = pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own parent sent it
        os.environ.update(environment)  # before libraries are imported that look at it
        once = pickle.loads(sent_once)  # noqa: S301
        pipe.send_bytes(b"ready")
        while not _ThisProcess.is_spent:
            work = _sent(pipe.recv_bytes(), once)
            pipe.send_bytes(b"begun")
            pipe.send_bytes(_answer_of(work))
    end_now(0)


def _sent(message: bytes, once: Callable[..., Any] | None) -> Callable[[], Any]:
    """The task of a message; what cannot be received raises its error when it is called."""
    try:
        sent, args, kwargs = pickle.loads(message)  # noqa: S301 - our own parent sent it
    except BaseException as error:  # noqa: BLE001 - the parent receives it
        return partial(_raise, error)
    function = sent if sent is not None else once
    assert function is not None
    return partial(function, *args, **kwargs)


def _raise(error: BaseException) -> None:
    raise error


def _answer_of(work: Callable[[], Any]) -> bytes:
    """Pickled: whether there is a result, it or what was raised, and whether the process ends."""
    try:
        return pickle.dumps((True, work(), _ThisProcess.is_spent))
    except BaseException as error:  # noqa: BLE001 - the parent receives it
        return _pickled_error(error)


def _pickled_error(error: BaseException) -> bytes:
    with suppress(Exception):
        pickled = pickle.dumps((False, error, _ThisProcess.is_spent))
        pickle.loads(pickled)  # noqa: S301 - some errors can be sent but not received
        return pickled
    plain = RuntimeError(f"{type(error).__name__}: {error}")
    return pickle.dumps((False, plain, _ThisProcess.is_spent))
