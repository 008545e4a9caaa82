"""Executors of this machine: this process, or processes of which each stands alone."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from ricenet_v2.core.errors import LateError, WorkerError
from ricenet_v2.core.left_behind import end_now
from ricenet_v2.core.lifeline import end_with_parent

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

_MOST_FAILED_STARTS = 2
# Processes are counted and reaped in one place of `multiprocessing`, which no lock guards.
_ONE_AT_A_TIME = threading.Lock()


class LostError(BrokenExecutor):
    """The process that worked at a task has ended before the task."""


class SerialExecutor(Executor):
    """Does each task at once, in this process."""

    def submit(
        self, fn: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Returned]:
        """Call the function; the future that comes back is done."""
        future: Future[Returned] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class _Call:
    """A task; `function` is None where the process has it already."""

    future: Future[Any]
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Processes(Executor):
    """Processes of which each stands alone: one that is killed takes no other with it.

    A `ProcessPoolExecutor` ends all of its processes where one of them dies, and loses all that
    waits. Here a killed process costs its own task, whose future has a `LostError`; a new one takes
    its place. Processes are spawned, never forked: threads of imported libraries do not survive a
    fork. They end with this process.
    """

    def __init__(
        self,
        number: int,
        once: Callable[..., Any] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Provide so many processes at a time, each started for its first task.

        Args:
            number: Of processes.
            once: A function that each process gets once, when it starts, with all that it holds
                (e.g. a `functools.partial`). Tasks of it carry their own arguments alone.
            seconds: That a task may take; then its process is killed, and its future has a
                LateError. As long as it takes where None.
        """
        self._number, self._once, self._seconds = number, once, seconds
        self._calls = SimpleQueue[_Call | None]()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._failed_starts = 0

    def submit(
        self, fn: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Returned]:
        """Have the function called by the next process that is free."""
        future = Future[Returned]()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("This executor was shut down.")
            self._calls.put(_Call(future, None if fn is self._once else fn, args, kwargs))
            if len(self._threads) < self._number:
                thread = threading.Thread(target=self._serve, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes behind what they work at."""
        with self._lock:
            self._is_closed = True
            if cancel_futures:
                self._cancel()
            for _ in self._threads:
                self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _cancel(self) -> None:
        with suppress(Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call.future.cancel()

    def _serve(self) -> None:
        """One process after another; this thread stays until the last of them has ended."""
        process = _Process(self._once, self._seconds)
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                call.future.set_result(self._answer(process, call))
            except BaseException as error:  # noqa: BLE001 - the future carries it
                call.future.set_exception(error)
            if process.has_died:
                process.end()
                process = _Process(self._once, self._seconds)
        process.end()

    def _answer(self, process: _Process, call: _Call) -> Any:
        if self._failed_starts >= _MOST_FAILED_STARTS:
            raise WorkerError(
                "Processes end while they start.",
                expected="a process that waits for work",
                remedy="Work without processes (--num_workers 1) to see why. A script that calls "
                'this program needs `if __name__ == "__main__":` around what it does.',
            )
        try:
            process.start()
        except LostError:
            self._failed_starts += 1
            raise
        self._failed_starts = 0
        return process.answer(call)


class _Process:
    """A process with a pipe to it."""

    def __init__(self, once: Callable[..., Any] | None, seconds: float | None) -> None:
        self._once, self._seconds = once, seconds
        self._process: Any = None
        self._pipe: Connection[Any, Any] | None = None
        self.has_died = False

    def start(self) -> None:
        """Start it, unless it runs.

        Raises:
            LostError: It ended before it was ready.
        """
        if self._pipe is not None:
            return
        context = multiprocessing.get_context("spawn")
        with _ONE_AT_A_TIME:
            self._pipe, its_end = context.Pipe()
            self._process = context.Process(target=_work, args=(its_end, self._once))
            try:
                self._process.start()
            except BaseException:  # the function cannot be sent
                self._process, self.has_died = None, True
                raise
            finally:
                its_end.close()
        self._received()

    def answer(self, call: _Call) -> Any:
        """What the function gives in the process, or raises there.

        Raises:
            LostError: The process has ended.
            LateError: It took too long, and was killed.
        """
        assert self._pipe is not None
        message = pickle.dumps((call.function, call.args, call.kwargs))
        try:
            self._pipe.send_bytes(message)
        except OSError as error:
            raise self._lost() from error
        self._received()  # it has the task, for which it may have had to import libraries
        if not wait([self._pipe, self._process.sentinel], self._seconds):
            self._process.kill()
            self._lost()
            raise LateError.after(self._seconds or 0)
        is_made, made = pickle.loads(self._received())  # noqa: S301 - our own process sent it
        if is_made:
            return made
        raise made

    def _received(self) -> bytes:
        assert self._pipe is not None
        # A process that it started itself may hold its end of the pipe a little longer.
        wait([self._pipe, self._process.sentinel])
        try:
            if self._pipe.poll():
                return self._pipe.recv_bytes()
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
        wait([self._process.sentinel])
        with _ONE_AT_A_TIME:
            self._process.join()
            code: int | None = self._process.exitcode
        return code

    def end(self) -> None:
        """Close the pipe, by which the process ends, and wait for it."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._joined()


def _work(pipe: Connection[Any, Any], once: Callable[..., Any] | None) -> None:
    """In the process: answer until nobody asks."""
    # Work that starts processes itself does so as a command would: spawned ones, which this one
    # would hand down, import torch for every training.
    multiprocessing.set_start_method(None, force=True)
    end_with_parent()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        pipe.send_bytes(b"ready")
        while True:
            work = _sent(pipe.recv_bytes(), once)
            pipe.send_bytes(b"begun")
            pipe.send_bytes(_answer_of(work))
    end_now(0)


def _sent(message: bytes, once: Callable[..., Any] | None) -> Callable[[], Any]:
    """The task of a message; what cannot be received raises its error when it is called."""
    try:
        sent, args, kwargs = pickle.loads(message)  # noqa: S301 - our own parent sent it
    except BaseException as error:  # noqa: BLE001 - the parent hears of it
        return partial(_raise, error)
    function = sent if sent is not None else once
    assert function is not None
    return partial(function, *args, **kwargs)


def _raise(error: BaseException) -> None:
    raise error


def _answer_of(work: Callable[[], Any]) -> bytes:
    """Pickled: whether there is a result, and the result or what was raised."""
    try:
        return pickle.dumps((True, work()))
    except BaseException as error:  # noqa: BLE001 - the parent hears of it
        return _told(error)


def _told(error: BaseException) -> bytes:
    with suppress(Exception):
        made = pickle.dumps((False, error))
        pickle.loads(made)  # noqa: S301 - some errors can be sent but not received
        return made
    return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
