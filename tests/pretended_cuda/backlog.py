"""The device's work behind the program: a clock for it, and copies that are not done yet."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

import torch

_REAL_CLOCK = time.perf_counter


class Backlog:
    """When the device will have done what it was given, and the copies among it.

    Waiting does not sleep: the clock is put forward by what would have been waited.
    """

    def __init__(self) -> None:
        self.skipped = self.busy_until = 0.0
        self.ticket = 0
        self.races: list[str] = []
        self._pending: list[tuple[int, Callable[[], None]]] = []

    def now(self) -> float:
        """Seconds; stands in for `time.perf_counter`."""
        return _REAL_CLOCK() + self.skipped

    def add(self, seconds: float) -> None:
        """Give the device work for so long."""
        self.busy_until = max(self.busy_until, self.now()) + seconds

    def wait(self, until: float | None = None, ticket: int | None = None) -> None:
        """Until all is done, or what had been given at a certain time."""
        ends = self.busy_until if until is None else until
        self.skipped += max(0.0, ends - self.now())
        last = self.ticket if ticket is None else ticket
        done = [work for number, work in self._pending if number <= last]
        self._pending = [(number, work) for number, work in self._pending if number > last]
        for work in done:
            work()

    def later_down(self, target: torch.Tensor, values: torch.Tensor) -> None:
        """A copy to the host that is not there before somebody waits: till then it is garbage."""
        _fill(target, None)
        self._later(lambda: _fill(target, values))

    def later_up(self, source: torch.Tensor, place: str) -> None:
        """A copy from page-locked memory, which may not be changed before somebody waits."""
        storage = weakref.ref(source.untyped_storage())
        view, before = (source.dtype, source.size(), source.stride(), source.storage_offset()), None
        before = _plain(source.detach).clone()

        def compare() -> None:
            alive: Any = storage()
            if alive is None:
                return
            dtype, size, stride, offset = view
            now = torch.empty(0, dtype=dtype).set_(alive, offset, size, stride)
            if not torch.equal(now, before):
                self.races.append(place)

        self._later(lambda: _plain(compare))

    def _later(self, work: Callable[[], None]) -> None:
        self.ticket += 1
        self._pending.append((self.ticket, work))


def _plain(work: Callable[[], Any]) -> Any:
    with torch._C._DisableTorchDispatch(), torch.no_grad():
        return work()


def _fill(target: torch.Tensor, values: torch.Tensor | None) -> None:
    def fill() -> None:
        with torch.inference_mode(target.is_inference()):
            if values is not None:
                target.copy_(values)
            elif target.dtype.is_floating_point:
                target.fill_(float("nan"))
            else:
                target.zero_()

    _plain(fill)
