"""Memory of a pretended card: what tensors hold, the largest so far, and where it ends."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from tests.pretended_cuda.cards import Card


class Memory:
    """Bytes of the storages of one card."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.limit = card.memory - card.taken
        self.allocated = self.peak = 0
        self._known: set[int] = set()
        self._lock = threading.RLock()

    @property
    def free(self) -> int:
        """Bytes that can still be had."""
        return max(0, self.limit - self.allocated)

    def take(self, storage: Any) -> int:
        """Count a storage, once; bytes that are missing for it, then it is not counted."""
        with self._lock:
            key, size = storage._cdata, storage.nbytes()
            if key in self._known:
                return 0
            if self.allocated + size > self.limit:
                return size
            self._known.add(key)
            self.allocated += size
            self.peak = max(self.peak, self.allocated)
            weakref.finalize(storage, self._let_go, key, size)
        return 0

    def _let_go(self, key: int, size: int) -> None:
        with self._lock:
            self._known.discard(key)
            self.allocated -= size

    def words(self, size: int, index: int) -> str:
        """As torch says it."""
        return (
            f"CUDA out of memory. Tried to allocate {size / 1024**2:.2f} MiB. GPU {index} has a "
            f"total capacity of {self.card.memory / 1024**3:.2f} GiB of which "
            f"{self.free / 1024**2:.2f} MiB is free."
        )
