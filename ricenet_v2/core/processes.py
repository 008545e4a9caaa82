"""Executors of this machine: this process, or processes of which each stands alone."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing.util import Finalize
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from ricenet_v2.core.errors import WorkerError
from ricenet_v2.core.worker import Call, LostError, Worker

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

_MOST_FAILED_STARTS = 2
"""Consecutive failed starts of each process from which on it is no accident."""
_GUARD = 'A script that calls this program needs `if __name__ == "__main__":` around what it does.'


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
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
        return future


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
        environments: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Provide so many processes at a time, each started for its first task.

        Args:
            number: Number of processes.
            once: A function that each process gets once, when it starts, with all that it holds
                (e.g. a `functools.partial`). Tasks of it carry their own arguments alone.
            seconds: Time limit in seconds for a task; then its process is killed, and its future
                has a LateError. None sets no limit.
            environments: Variables of each process and of those that take its place; those of this
                process where there are none.
        """
        self._environments = tuple(environments) or ({},) * number
        self._number, self._once, self._seconds = number, once, seconds
        self._calls = SimpleQueue[Call | None]()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._failed_starts = 0
        # At the end of the program `multiprocessing` waits for processes, which wait for work.
        Finalize(self, _shut_down, (weakref.ref(self),), exitpriority=0)

    def submit(
        self, fn: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Returned]:
        """Have the function called by the next process that is free."""
        future = Future[Returned]()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("This executor was shut down.")
            self._calls.put(Call(future, None if fn is self._once else fn, args, kwargs))
            if len(self._threads) < self._number:
                environment = self._environments[len(self._threads)]
                thread = threading.Thread(target=self._serve, args=(environment,), daemon=True)
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

    def _serve(self, environment: Mapping[str, str]) -> None:
        """One process after another; this thread stays until the last of them has ended."""
        process = Worker(self._once, self._seconds, environment)
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                call.future.set_result(self._answer(process, call))
            except BaseException as error:  # noqa: BLE001 - the future carries it
                call.future.set_exception(error)
            if process.has_died:
                process.end()
                process = Worker(self._once, self._seconds, environment)
        process.end()

    def _answer(self, process: Worker, call: Call) -> Any:
        if not process.is_ready:
            self._start(process)
        return process.answer(call)

    def _start(self, process: Worker) -> None:
        if self._failed_starts >= _MOST_FAILED_STARTS * self._number:
            raise WorkerError(
                "Worker processes failed to start.",
                expected="a process that waits for work",
                remedy=f"Work without processes (--num_workers 1) to see why. {_GUARD}",
            )
        try:
            process.start()
        except LostError as error:
            self._failed_starts += 1
            raise LostError(f"{error}, while it started. {_GUARD}") from error
        self._failed_starts = 0


def _shut_down(executor: weakref.ref[Processes]) -> None:
    if (left := executor()) is not None:
        left.shutdown(cancel_futures=True)
