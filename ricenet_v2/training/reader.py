"""Reading preprocessed cases, with a budget of memory in which they are kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.machine import GIB
from ricenet_v2.core.memory import available_memory
from ricenet_v2.store.cases import read_array
from ricenet_v2.training.shared_memory import SharedArrays, slot_bytes

logger = logging.getLogger(__name__)

CACHE_BYTES = 4 * GIB
"""Memory for decompressed cases, unless the user says otherwise."""
_SHARE_OF_MEMORY = 0.5


def cache_budget(gigabytes: float | None = None) -> int:
    """Bytes to keep cases in: what the user allows, else 4 GiB but at most half of free memory."""
    if gigabytes is not None:
        return int(gigabytes * GIB)
    available = available_memory()
    return CACHE_BYTES if available is None else min(CACHE_BYTES, int(_SHARE_OF_MEMORY * available))


class CaseReader:
    """Reads preprocessed cases and keeps the first of them that fit a budget of memory.

    The memory is shared with worker processes: a case that one has read is available to all, and
    stored once.
    """

    def __init__(
        self,
        folder: Path,
        channels: Sequence[int],
        budget: int = CACHE_BYTES,
        case_ids: Sequence[str] = (),
        states: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; the first case is read for its shape.

        Args:
            folder: Folder of the preprocessed cases.
            channels: Indices of the channels to read.
            budget: Bytes in which cases are kept.
            case_ids: Cases that will be read again and again, the most wanted first; none keeps
                nothing.
            states: Results of `store.cases.state_of` for their records before; each read compares.

        Raises:
            DatasetError: The first case is missing, damaged, or in another state.
        """
        self.folder, self.channels = folder, list(channels)
        self._states = states or {}
        self._slots: dict[str, int] = {}
        self._kept: SharedArrays | None = None
        if case_ids and budget > 0:
            self._provide(self._read(case_ids[0]).shape, budget, case_ids)

    def _provide(self, shape: tuple[int, ...], budget: int, case_ids: Sequence[str]) -> None:
        chosen = case_ids[: n_fitting(shape, budget)]
        self._slots = {case: slot for slot, case in enumerate(chosen)}
        if chosen:
            self._kept = SharedArrays(len(chosen), shape)
        logger.debug("%d of %d cases are kept in memory.", len(chosen), len(case_ids))

    @property
    def n_kept(self) -> int:
        """Number of cases, the first of those named, that are kept once read."""
        return len(self._slots)

    def __call__(self, case_id: str) -> NDArray[np.float32]:
        """Voxels (channels, z, y, x); not to be changed.

        Raises:
            DatasetError: The case is missing, damaged, or in another state than before.
        """
        slot = self._slots.get(case_id)
        if slot is None or self._kept is None:
            return self._read(case_id)
        kept = self._kept.get(slot)
        if kept is not None:
            return kept
        array = self._read(case_id)
        if array.shape == self._kept.shape:
            self._kept.put(slot, array)
        return array

    def _read(self, case_id: str) -> NDArray[np.float32]:
        state = self._states.get(case_id)
        return np.ascontiguousarray(read_array(self.folder, case_id, state)[self.channels])


def n_fitting(shape: tuple[int, ...], budget: int) -> int:
    """Number of cases of that shape that fit the budget of bytes."""
    return max(0, budget) // slot_bytes(shape)
