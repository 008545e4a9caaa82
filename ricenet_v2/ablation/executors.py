"""Where the trainings of an ablation run: here, in local processes, or by an executor of the user.

An executor is one of the standard library's `concurrent.futures`; libraries for clusters have
executors of the same interface (dask's `Client.get_executor`, submitit's, mpi4py's).
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from multiprocessing.connection import wait as wait_for
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar, cast

from ricenet_v2.core.errors import RicenetError, TrainingError
from ricenet_v2.training.parts import StopWish

logger = logging.getLogger(__name__)

SERIAL, PROCESSES = "serial", "processes"
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_SAVE = 2.0
_KILLED_TWICE = "its process was killed twice, e.g. for lack of memory, the second time alone"

Item = TypeVar("Item")
Result = TypeVar("Result")
Given = ParamSpec("Given")
Returned = TypeVar("Returned")


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


class ProcessesExecutor(Executor):
    """Processes that stand alone: one that is killed takes no other with it.

    A `ProcessPoolExecutor` ends all of its processes where one of them dies, so each has its own.
    """

    def __init__(self, number: int) -> None:
        """With so many processes at a time, each started for its first task."""
        self._idle = SimpleQueue[ProcessPoolExecutor]()
        self._threads = ThreadPoolExecutor(number)
        for _ in range(number):
            self._idle.put(_one_process())

    def submit(
        self, fn: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Returned]:
        """Have the function called by the next process that is free."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def _call(self, fn: Callable[..., Returned], args: Any, kwargs: Any) -> Returned:
        pool = self._idle.get()
        try:
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenExecutor:
            pool.shutdown()
            pool = _one_process()
            raise
        finally:
            self._idle.put(pool)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes behind what they work at."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait)


def _one_process() -> ProcessPoolExecutor:
    # Spawned, never forked: threads of imported libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_settle)


def executor_of(name: str, n_processes: int) -> Executor:
    """The executor that `--executor` names.

    Args:
        name: `serial`, `processes`, or `module:factory`, where calling the factory without
            arguments gives an executor; a module in the current folder is found.
        n_processes: Local processes at a time.

    Raises:
        TrainingError: There is no such module or factory, or what it gives is no executor.
    """
    if name == SERIAL:
        return SerialExecutor()
    if name == PROCESSES:
        return ProcessesExecutor(n_processes)
    made = _factory(name)()
    if not callable(getattr(made, "submit", None)) or not callable(getattr(made, "shutdown", None)):
        raise TrainingError(
            "What the factory gives is no executor.",
            expected="an object with submit and shutdown, as concurrent.futures.Executor",
            got=f"{type(made).__name__} from {name}",
        )
    return cast("Executor", made)


def _factory(name: str) -> Callable[[], object]:
    module, colon, attribute = name.partition(":")
    here = os.getcwd()  # noqa: PTH109 - an entry of sys.path is a text
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute) if colon else None
    except (ImportError, AttributeError, ValueError) as error:
        raise TrainingError("The executor cannot be imported.", got=f"{name}: {error}") from error
    if not callable(found):
        raise TrainingError(
            "There is no such executor.",
            expected=f"{SERIAL}, {PROCESSES}, or module:factory",
            got=name,
        )
    factory: Callable[[], object] = found
    return factory


def _settle() -> None:
    # Its trainings start their own processes as ricenet_train does: spawned ones, which it would
    # hand down, import torch for every training.
    multiprocessing.set_start_method(None, force=True)
    _end_with_parent()


def _end_with_parent() -> None:
    """A process whose parent was killed asks itself to end, and so saves its finished epochs."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait_for([sentinel])
        # Training hears the first and saves; the next ends the process, which then has no task.
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_TO_SAVE)

    threading.Thread(target=watch, daemon=True).start()


def results(
    make: Callable[[], Executor],
    function: Callable[[Item], Result],
    items: Sequence[Item],
    failed: Callable[[Item, str], Result],
    stop: StopWish,
) -> Iterator[Result]:
    """Results as they come; when asked to stop, what has not begun is not begun.

    An item whose process was killed, e.g. for lack of memory, is tried once more behind all others
    with nothing beside it.

    Args:
        make: Makes an executor, where the function runs; each is shut down at its end.
        function: Of a module, so that it can be sent away.
        items: Its arguments.
        failed: Makes a result where the executor lost an item.
        stop: Looked at between results.
    """
    lost: list[Item] = []
    for item, future in _ended(make(), function, items, stop):
        if not future.cancelled() and isinstance(future.exception(), BrokenExecutor):
            lost.append(item)
        else:
            yield _result(future, item, failed)
    if lost:
        logger.warning("The process of %d trainings was killed: each is tried alone.", len(lost))
    for alone in lost:
        for item, future in _ended(make(), function, [alone], stop):
            yield _result(future, item, failed)


def _ended(
    executor: Executor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    stop: StopWish,
) -> Iterator[tuple[Item, Future[Result]]]:
    """Items with their futures that are done."""
    waiting: dict[Future[Result], Item] = {}
    try:
        for item in items:
            if stop.asked:
                break
            future = _submitted(executor, function, item)
            if future.done():  # a serial one
                yield item, future
            else:
                waiting[future] = item
        while waiting:
            done, _ = wait(waiting, timeout=_SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future
            if stop.asked:
                for future in [one for one in waiting if one.cancel()]:
                    del waiting[future]
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _submitted(
    executor: Executor, function: Callable[[Item], Result], item: Item
) -> Future[Result]:
    """A pool that is broken refuses what comes next, which then is lost like the rest."""
    try:
        return executor.submit(function, item)
    except BrokenExecutor as error:
        future = Future[Result]()
        future.set_exception(error)
        return future


def _result(future: Future[Result], item: Item, failed: Callable[[Item, str], Result]) -> Result:
    try:
        return future.result()
    except RicenetError:
        raise
    except BrokenExecutor as error:
        return failed(item, f"{_KILLED_TWICE} ({type(error).__name__})")
    except Exception as error:  # noqa: BLE001 - the other items are still worked on
        return failed(item, f"{type(error).__name__}: {error}")
