"""The processes that load and augment: how many, how they live and how they end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.util import Finalize
from queue import Empty
from types import FrameType
from typing import Any

import torch
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter

from ricenet_v2.core.command import again
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.lifeline import end_with_parent
from ricenet_v2.core.machine import n_cores
from ricenet_v2.training.quiet_threads import logged_elsewhere

_SAMPLES_AHEAD = 2
_MOST_WORKERS = 32
# How often to look whether all workers are alive, and how long to wait for those that end.
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_END = 2.0


def default_workers(device: torch.device, world_size: int = 1, cores: int | None = None) -> int:
    """Default number of loading processes: a property of the machine, not of the plan.

    Args:
        device: Where the network is trained. A CPU keeps its cores for the network: one worker
            suffices. An accelerator is faster than a few processes that decompress, so that it
            gets those of all cores but one.
        world_size: Processes that train together on this machine.
        cores: Cores that all of these may use; those of this process where None.

    Returns:
        0 on a machine of one core: the main process does the work.
    """
    free = (n_cores() if cores is None else cores) // max(1, world_size) - 1
    return max(0, min(free, 1 if device.type == "cpu" else _MOST_WORKERS))


def settle_worker() -> None:
    """Set up this worker process: one thread; it ends with its parent and not before.

    Ctrl-C and SIGTERM go to all processes of a group. They are left to the parent, which may still
    wait for a batch of the update that it ends in order.
    """
    torch.set_num_threads(1)
    # A fork inherits the handlers of the training loop, which only note the request to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not by os.getppid(): the parent may have ended already.
    parent = multiprocessing.parent_process()
    number = os.getppid() if parent is None or parent.pid is None else parent.pid
    signal.signal(signal.SIGTERM, _EndAfter(number))
    end_with_parent()


@dataclass(frozen=True)
class _EndAfter:
    """Handler of SIGTERM: a process ends if its parent has ended; else it goes on."""

    parent: int

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handle the signal."""
        if os.getppid() != self.parent:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def samples_ahead(count: int) -> int:
    """Largest number of samples that `count` processes can make before they are needed.

    Each process has some in its queue and one at work; a thread carries one over to the last
    queue, from which they are taken.
    """
    return (_SAMPLES_AHEAD + 1) * count + 1 + max(3, _SAMPLES_AHEAD * count // 2)


@contextmanager
def _root_has_handler() -> Iterator[None]:
    """Keep `logging.debug` of batchgenerators from giving the root logger a handler for good."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Augmenter(MultiThreadedAugmenter):  # type: ignore[misc]
    """One that could not be made, as without shared memory, has nothing to end."""

    def __del__(self) -> None:
        """End the processes."""
        if hasattr(self, "was_initialized"):
            with _root_has_handler():
                super().__del__()

    def _finish(self, *args: Any, **kwargs: Any) -> None:
        with _root_has_handler():
            super()._finish(*args, **kwargs)


class Workers:
    """batchgenerators' processes, with an end for all cases."""

    def __init__(self, loader: Any, count: int) -> None:
        """Start `count` processes, each with its own copy of the loader."""
        self._augmenter = _Augmenter(loader, None, count, _SAMPLES_AHEAD, None)
        with _root_has_handler():
            self._augmenter._start()  # noqa: SLF001 - batchgenerators has no public way
        self._is_closed = False
        logged_elsewhere(self._augmenter.pin_memory_thread)
        for process in self.processes:
            process.terminate = process.kill  # since they ignore SIGTERM
        # At the end of the program `multiprocessing` waits for those that it has sent SIGTERM.
        Finalize(self, _kill, (self.processes,), exitpriority=0)

    @property
    def processes(self) -> list[Any]:
        """The processes."""
        return list(self._augmenter._processes)  # noqa: SLF001

    @property
    def ahead(self) -> int:
        """Largest number of samples that can be made before they are needed."""
        return samples_ahead(len(self.processes))

    def __next__(self) -> dict[str, Any]:
        """The next sample, in order.

        batchgenerators itself waits for ever for a worker that was killed in the middle of a
        batch, so that the wait is done here.

        Raises:
            TrainingError: A worker was killed; all others are ended. Or they were ended before.
        """
        while (batch := self._waited()) is None:
            self._look()
        return batch

    def _waited(self) -> dict[str, Any] | None:
        queue = self._augmenter.pin_memory_queue
        if queue is None:  # closed meanwhile by another thread
            return None
        try:
            batch: dict[str, Any] = queue.get(timeout=_SECONDS_BETWEEN_LOOKS)
        except Empty:
            return None
        return batch

    def _look(self) -> None:
        if self._is_closed:
            raise TrainingError("The data loading processes have ended.")
        codes = [process.exitcode for process in self.processes if not process.is_alive()]
        if not codes:
            return
        self.close()
        raise TrainingError(
            "A data loading process has died.",
            expected="a process that runs until training ends",
            got=", ".join(_ending(code) for code in codes),
            remedy="If the machine ran out of memory: fewer processes (--num_workers 1) or less "
            "memory for cases (--cache_gb 1). With --num_workers 0 the main process loads and "
            f"shows what fails. Then resume with {again('--continue')}.",
        )

    def close(self) -> None:
        """End all processes; does nothing a second time."""
        self._is_closed = True
        self._augmenter.pause_event.set()
        self._augmenter.abort_event.set()
        thread = self._augmenter.pin_memory_thread
        if thread is not None:
            thread.join(_SECONDS_BETWEEN_LOOKS)
            if thread.is_alive():
                self._end_half_messages()
        self._augmenter._finish(timeout=_SECONDS_TO_END)  # noqa: SLF001

    def _end_half_messages(self) -> None:
        """End the thread that waits for the rest of what a dead worker began to send."""
        for queue in self._augmenter._queues:  # noqa: SLF001
            queue._writer.close()  # noqa: SLF001


def _kill(processes: Sequence[Any]) -> None:
    for process in processes:
        process.kill()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
