"""What tests ask of a pretended machine, and the errors that they order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from tests.pretended_cuda.ledger import Seen
from tests.pretended_cuda.memory import Memory

if TYPE_CHECKING:
    from tests.pretended_cuda.machine import PretendedCuda


class Answers:
    """The part of a pretended machine that tests talk to."""

    def memory(self: PretendedCuda, index: int = 0) -> Memory:
        """Memory of a card."""
        return self._memories[index]

    @property
    def races(self: PretendedCuda) -> list[str]:
        """Lines whose page-locked buffers were changed too early, or that read too early."""
        return self.backlog.races

    @property
    def seen(self: PretendedCuda) -> Seen:
        """All events so far."""
        return Seen(list(self.events))

    @contextlib.contextmanager
    def watched(self: PretendedCuda) -> Iterator[Seen]:
        """The events of a block, complete at its end."""
        seen, start = Seen(), len(self.events)
        yield seen
        seen.events += self.events[start:]

    def breaks(self: PretendedCuda, error: Exception, after: int = 0) -> None:
        """Let an operation fail, so many operations from now."""
        self._error = (error, after)

    def fail_as_ordered(self: PretendedCuda) -> None:
        """Raise what was ordered, where it is time for it."""
        if self._error is None:
            return
        error, after = self._error
        self._error = (error, after - 1)
        if after <= 0:
            if not isinstance(error, torch.AcceleratorError):
                self._error = None
            raise error
