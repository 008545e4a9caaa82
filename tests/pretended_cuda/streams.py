"""Events and streams of a pretended device, which all share one backlog."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from tests.pretended_cuda.current import active


class DeviceEvent:
    """As `torch.cuda.Event`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at: tuple[float, int] | None = None

    def record(self, *_: Any) -> None:
        """Remember what the device has been given so far."""
        backlog = active().backlog
        active().begin_context()
        self._at = (max(backlog.busy_until, backlog.now()), backlog.ticket)

    def query(self) -> bool:
        """Whether all of it is done."""
        return self._at is None or self._at[0] <= active().backlog.now()

    def synchronize(self) -> None:
        """Wait for it."""
        if self._at is not None:
            active().note("wait", "event", torch.device("cuda"), blocks=False)
            active().backlog.wait(*self._at)

    def wait(self, *_: Any) -> None:
        """Let a stream wait, which here all do."""

    def elapsed_time(self, later: DeviceEvent) -> float:
        """Milliseconds from this event to a later one."""
        if self._at is None or later._at is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return 1000 * (later._at[0] - self._at[0])


class DeviceStream:
    """As `torch.cuda.Stream`."""

    def __init__(self, device: Any = None, *_: Any, **__: Any) -> None:
        active().begin_context()
        self.device = active().device_of(active().chosen if device is None else device)

    def synchronize(self) -> None:
        """Wait for all that the device was given."""
        active().note("wait", "stream", self.device, blocks=True)

    def record_event(self, event: DeviceEvent | None = None) -> DeviceEvent:
        """An event behind all that the device was given."""
        event = event or DeviceEvent()
        event.record()
        return event

    def query(self) -> bool:
        """Whether all is done."""
        return active().backlog.busy_until <= active().backlog.now()

    def wait_stream(self, *_: Any) -> None:
        """All streams share one backlog."""

    wait_event = wait_stream


@contextlib.contextmanager
def _on(_stream: Any) -> Iterator[None]:
    yield


FUNCTIONS_OF_STREAMS: dict[str, Any] = {
    "Event": DeviceEvent,
    "Stream": DeviceStream,
    "stream": _on,
    "current_stream": DeviceStream,
    "default_stream": DeviceStream,
}
"""What stands in `torch.cuda`."""
