"""Shared memory for samples between the loading processes and the one that trains."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.training.shared_memory import SharedArrays

_SECONDS_BETWEEN_LOOKS = 0.002
_ALL = 2**62


class SampleRing:
    """A bounded number of shared slots, each used again once its sample was taken.

    Sample k lies in slot k modulo their number, and may be put there when as many as there are
    slots, less one, are before it. So memory does not grow with the processes that load, nor with
    what their queues hold; and the process that makes the next sample never waits.
    """

    def __init__(self, n_slots: int, shape: tuple[int, ...], first: int = 0) -> None:
        """Provide the slots.

        Args:
            n_slots: Number of slots, at least 1.
            shape: Shape of a sample, axes (channels, z, y, x).
            first: Number of the first sample.
        """
        self._arrays = SharedArrays(n_slots, shape)
        if self.is_usable:
            self._arrays.counter[0] = first

    @property
    def is_usable(self) -> bool:
        """Whether the machine has room for it."""
        return self._arrays.n_slots > 0

    def put(self, number: int, sample: NDArray[np.float32]) -> None:
        """Copy a sample into its slot, as soon as that is free."""
        while number >= self._arrays.counter[0] + self._arrays.n_slots:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        self._arrays.put(number % self._arrays.n_slots, sample)

    def __getitem__(self, number: int) -> NDArray[np.float32]:
        """A sample that was put; a view, to be read before it is marked as taken."""
        return self._arrays[number % self._arrays.n_slots]

    def take(self, number: int) -> None:
        """Mark this sample and all before it as taken."""
        if self.is_usable and self._arrays.counter[0] != _ALL:
            self._arrays.counter[0] = number + 1

    def close(self) -> None:
        """No more samples are taken: release the processes that wait for a slot."""
        if self.is_usable:
            self._arrays.counter[0] = _ALL
