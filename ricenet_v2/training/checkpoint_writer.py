"""Writing checkpoints beside the training: a thread writes copies of the state.

A checkpoint of the paper's network has half a gigabyte, and an epoch on a large card may take half
a second. So each finished epoch is copied in main memory, and at most once a minute the last copy
is written. A kill costs a minute of work and changes no result: the epochs that are lost are
trained again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ricenet_v2.core.failures import reason_of
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.training.host_copies import HostCopies, HostCopy
from ricenet_v2.training.stop_signal import Stopped

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 60.0


@dataclass(frozen=True)
class _Unwritten:
    """The last finished epoch, and the best one where it is not on disk yet."""

    latest: HostCopy
    best: HostCopy | None


class CheckpointWriter:
    """Keeps the last finished epoch in main memory and writes it in a thread, one file at a time.

    The best checkpoint is written before the latest one, which says which epoch was the best: one
    that goes on from the latest never lacks its best. As a context it writes what is left at its
    end, also where training was stopped or failed.
    """

    def __init__(self, paths: FoldPaths, seconds: float | None = None) -> None:
        """Prepare; the first epoch is written at once.

        Args:
            paths: Files of the fold.
            seconds: Least time from the begin of one writing to that of the next; a minute where
                None.
        """
        self._paths = paths
        self._seconds = SECONDS_BETWEEN_WRITES if seconds is None else seconds
        self._copies = HostCopies()
        self._left: _Unwritten | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._writing: Future[_Unwritten] | None = None
        self._begun = float("-inf")
        self._has_failed = False

    def keep(self, latest: Mapping[str, Any], best: Mapping[str, Any] | None = None) -> None:
        """Take over the state after an epoch; it may change as soon as this returns.

        Args:
            latest: All that a training goes on from.
            best: State that a prediction needs, if the epoch is the best so far.

        Raises:
            DiskFullError: An earlier epoch could not be written, for want of room.
            OSError: Or for another reason of the disk.
        """
        self._collect(wait=False)
        before, self._left = self._left, None
        if before is not None:
            self._copies.give_back(before.latest)
        kept_best = None if before is None else before.best
        if best is not None:
            if kept_best is not None:
                self._copies.give_back(kept_best)
            kept_best = self._copies.of(best)
        self._left = _Unwritten(self._copies.of(latest), kept_best)
        if self._writing is None and time.monotonic() - self._begun >= self._seconds:
            self._begun = time.monotonic()
            self._writing = self._thread.submit(self._write, self._left)
            self._left = None

    def flush(self) -> None:
        """Return when the last epoch that was kept is on disk.

        Raises:
            DiskFullError: It, or one before it, could not be written, for want of room.
            OSError: Or for another reason of the disk.
        """
        self._collect(wait=True)
        if self._left is None:
            return
        left, self._left = self._left, None
        self._writing = self._thread.submit(self._write, left)
        self._collect(wait=True)

    def _collect(self, *, wait: bool) -> None:
        """Take the outcome of the writing in progress, if it has ended or `wait` is set."""
        if self._writing is None or not (wait or self._writing.done()):
            return
        writing, self._writing = self._writing, None
        self._has_failed = True
        written = writing.result()
        self._has_failed = False
        for copy in (written.latest, written.best):
            if copy is not None:
                self._copies.give_back(copy)

    def _write(self, unwritten: _Unwritten) -> _Unwritten:
        if unwritten.best is not None:
            checkpoints.save(self._paths.best, unwritten.best.state)
        checkpoints.save(self._paths.latest, unwritten.latest.state)
        return unwritten

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left; a fault of that does not hide the error that ends the block."""
        try:
            if not self._has_failed:
                self.flush()
        except Exception as fault:
            if error is None or isinstance(error, Stopped):
                raise
            logger.error(  # noqa: TRY400 - its traceback would hide the one of the training
                "The last finished epochs could not be saved: %s", reason_of(fault)
            )
        finally:
            self._thread.shutdown()
