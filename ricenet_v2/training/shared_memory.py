"""Arrays of equal shape in one block of memory that several processes read and fill together."""

from __future__ import annotations

import logging
import mmap
import os
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.machine import GIB

logger = logging.getLogger(__name__)

_HEAD = 64
"""Bytes before the slots: a counter, and the rest so that slots begin at a line of the cache."""


class SharedArrays:
    """A number of slots for float32 arrays; memory is taken only as slots are filled.

    The block lies in anonymous memory (Linux) or else in a temporary file, never in `/dev/shm`,
    which containers keep small. A forked process has the same block; a process that gets this
    object pickled opens the same block, or, where it cannot, has one whose slots stay empty. The
    block goes with the object in the process that made it.

    Attributes:
        n_slots: Number of slots.
        shape: Shape of each array.
        counter: One int64 that all processes see, 0 in the beginning; for the user of the slots.
    """

    counter: NDArray[np.int64]

    def __init__(self, n_slots: int, shape: tuple[int, ...]) -> None:
        """Provide `n_slots` empty slots of that shape; none where the machine has no room."""
        self.n_slots, self.shape = n_slots, shape
        block = _open_block()
        weakref.finalize(self, block.close)
        self._path = _path_for_others(block.fileno(), block.name)
        try:
            os.ftruncate(block.fileno(), self._size)
            self._map(block.fileno())
        except OSError as error:
            logger.warning(
                "No space for %.3g GiB of shared memory (%s): processes continue without it, which "
                "is slower and changes no result.",
                self._size / GIB,
                error,
            )
            self.n_slots, self._path = 0, ""

    @property
    def _size(self) -> int:
        return _HEAD + self.n_slots * (slot_bytes(self.shape) + 1)

    def _map(self, descriptor: int) -> None:
        self._block = mmap.mmap(descriptor, self._size)
        end = self._size - self.n_slots
        self.counter = np.frombuffer(memoryview(self._block)[:8], np.int64)
        self._slots: NDArray[np.float32] = np.frombuffer(
            memoryview(self._block)[_HEAD:end], np.float32
        ).reshape(self.n_slots, *self.shape)
        self._filled = np.frombuffer(memoryview(self._block)[end:], np.uint8)

    def get(self, slot: int) -> NDArray[np.float32] | None:
        """Content of a slot, or None; a view, not to be changed."""
        return self._slots[slot] if self.n_slots and self._filled[slot] else None

    def __getitem__(self, slot: int) -> NDArray[np.float32]:
        """A slot that is known to be filled; a view."""
        view: NDArray[np.float32] = self._slots[slot]
        return view

    def put(self, slot: int, array: NDArray[np.float32]) -> None:
        """Fill a slot; two processes may do so at once with the same values."""
        if self.n_slots:
            self._slots[slot] = array
            # After the voxels, never before: another process reads them once it sees the mark.
            self._filled[slot] = 1

    def __getstate__(self) -> dict[str, Any]:
        """State that names the block."""
        return {"n_slots": self.n_slots, "shape": self.shape, "path": self._path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the same block."""
        self.n_slots, self.shape = state["n_slots"], state["shape"]
        self._path = state["path"]
        with suppress(OSError), Path(self._path).open("r+b") as stream:
            self._map(stream.fileno())
            return
        self.n_slots = 0


def slot_bytes(shape: tuple[int, ...]) -> int:
    """Bytes of one array."""
    return int(np.prod(shape)) * np.dtype(np.float32).itemsize


def _open_block() -> Any:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("ricenet_cases"), "r+b")
    return tempfile.NamedTemporaryFile(prefix="ricenet_cases_")


def _path_for_others(descriptor: int, name: str | int) -> str:
    if hasattr(os, "memfd_create"):
        return f"/proc/{os.getpid()}/fd/{descriptor}"
    return str(name)
