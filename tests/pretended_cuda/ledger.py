"""What a pretended device saw: transfers and waits, with the line of the program behind each."""

from __future__ import annotations

import collections
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ricenet_v2

PACKAGE = f"{Path(ricenet_v2.__file__).parent}/"
ELSEWHERE = "elsewhere"


def place() -> str:
    """The innermost line of ricenet_v2 that is at work, as `training/loop.py:120`."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            return f"{frame.f_code.co_filename[len(PACKAGE) :]}:{frame.f_lineno}"
        frame = frame.f_back
    return ELSEWHERE


@dataclass(frozen=True)
class Event:
    """A transfer or a wait.

    Attributes:
        kind: `up` (to the device), `down`, `across` (between devices) or `wait`.
        name: The operation, e.g. `item`, `nonzero`, `synchronize`, `to`, `copy_`.
        bytes: Transferred; of a wait 0.
        blocks: Whether the program waits until the device has done all that it was given.
        place: Line of ricenet_v2.
    """

    kind: str
    name: str
    bytes: int
    blocks: bool
    place: str


@dataclass
class Seen:
    """Events in their order."""

    events: list[Event] = field(default_factory=list)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def of(self, *kinds: str, within: str = "") -> list[Event]:
        """Events of these kinds; `within` is the beginning of their places."""
        return [e for e in self.events if e.kind in kinds and e.place.startswith(within)]

    @property
    def transfers(self) -> list[Event]:
        """All but plain waits."""
        return self.of("up", "down", "across")

    @property
    def waits(self) -> list[Event]:
        """Wherever the program waited for the device, transfers that block among them."""
        return [event for event in self.events if event.blocks]

    def blocking(self, *kinds: str) -> list[Event]:
        """Those of these kinds for which the program waited."""
        return [event for event in self.of(*kinds) if event.blocks]

    def bytes(self, *kinds: str, within: str = "") -> int:
        """Bytes of the events of these kinds."""
        return sum(event.bytes for event in self.of(*kinds, within=within))

    def __str__(self) -> str:
        counts = collections.Counter((e.kind, e.name, e.blocks, e.place) for e in self.events)
        sizes: collections.Counter[tuple[str, str, bool, str]] = collections.Counter()
        for e in self.events:
            sizes[e.kind, e.name, e.blocks, e.place] += e.bytes
        return "\n".join(
            f"{count:4} x {kind:6} {name:20} {'waits' if blocks else '     '} "
            f"{sizes[kind, name, blocks, where]:10} bytes  {where}"
            for (kind, name, blocks, where), count in counts.items()
        )
