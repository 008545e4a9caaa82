"""Events and streams of a pretended device: one backlog, but the program must order streams."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch

from tests.pretended_cuda.current import active

Born = tuple[int, int]
"""Number of a stream, and of the moment at which it was given the work that makes a tensor."""


class Streams:
    """Which stream is at work in a thread, and which streams wait for what of each other.

    Only tensors that are made outside of the default stream (number 0) are followed.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._moment = self._settled = 0
        self._awaited: dict[tuple[int, int], int] = {}
        self.count = 1

    @property
    def at_work(self) -> int:
        """Number of the stream of this thread."""
        return getattr(self._local, "number", 0)

    @contextlib.contextmanager
    def on(self, number: int) -> Iterator[None]:
        """Let a stream be at work."""
        before, self._local.number = self.at_work, number
        try:
            yield
        finally:
            self._local.number = before

    def born(self) -> Born | None:
        """What a tensor that is made now is to remember."""
        if not self.at_work:
            return None
        self._moment += 1
        return self.at_work, self._moment

    def now(self) -> int:
        """The moment."""
        return self._moment

    def order(self, waits: int, other: int, moment: int) -> None:
        """A stream waits for what another one was given until a moment."""
        self._awaited[waits, other] = max(self._awaited.get((waits, other), 0), moment)

    def settle(self) -> None:
        """The program waited for everything."""
        self._settled = self._moment

    def is_ready(self, born: Born | None) -> bool:
        """Whether a tensor may be used by the stream at work."""
        if born is None or born[0] == self.at_work or born[1] <= self._settled:
            return True
        return self._awaited.get((self.at_work, born[0]), 0) >= born[1]


class DeviceEvent:
    """As `torch.cuda.Event`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at: tuple[float, int] | None = None
        self.stream = self.moment = 0

    def record(self, stream: DeviceStream | None = None) -> None:
        """Remember what the device has been given so far."""
        machine = active()
        machine.begin_context()
        backlog = machine.backlog
        self._at = (max(backlog.busy_until, backlog.now()), backlog.ticket)
        self.stream = machine.streams.at_work if stream is None else stream.number
        self.moment = machine.streams.now()

    def query(self) -> bool:
        """Whether all of it is done."""
        return self._at is None or self._at[0] <= active().backlog.now()

    def synchronize(self) -> None:
        """Wait for it."""
        if self._at is not None:
            active().note("wait", "event", torch.device("cuda"), blocks=False)
            active().backlog.wait(*self._at)

    def wait(self, stream: DeviceStream | None = None) -> None:
        """Let a stream wait."""
        waits = active().streams.at_work if stream is None else stream.number
        active().streams.order(waits, self.stream, self.moment)

    def elapsed_time(self, later: DeviceEvent) -> float:
        """Milliseconds from this event to a later one."""
        if self._at is None or later._at is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return 1000 * (later._at[0] - self._at[0])


class DeviceStream:
    """As `torch.cuda.Stream`."""

    def __init__(self, device: Any = None, *_: Any, number: int | None = None, **__: Any) -> None:
        machine = active()
        machine.begin_context()
        self.device = machine.device_of(machine.chosen if device is None else device)
        self.number = machine.streams.count if number is None else number
        machine.streams.count += number is None

    def synchronize(self) -> None:
        """Wait for all that the device was given."""
        active().note("wait", "stream", self.device, blocks=True)

    def record_event(self, event: DeviceEvent | None = None) -> DeviceEvent:
        """An event behind all that the device was given."""
        event = event or DeviceEvent()
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether all is done."""
        return active().backlog.busy_until <= active().backlog.now()

    def wait_stream(self, other: DeviceStream) -> None:
        """Wait for all that another stream was given so far."""
        streams = active().streams
        streams.order(self.number, other.number, streams.now())

    def wait_event(self, event: DeviceEvent) -> None:
        """Wait for what was given before an event."""
        event.wait(self)


def _on(stream: DeviceStream | None) -> Any:
    return contextlib.nullcontext() if stream is None else active().streams.on(stream.number)


def _current(device: Any = None) -> DeviceStream:
    return DeviceStream(device, number=active().streams.at_work)


def _default(device: Any = None) -> DeviceStream:
    return DeviceStream(device, number=0)


FUNCTIONS_OF_STREAMS: dict[str, Any] = {
    "Event": DeviceEvent,
    "Stream": DeviceStream,
    "stream": _on,
    "current_stream": _current,
    "default_stream": _default,
}
"""What stands in `torch.cuda`."""
