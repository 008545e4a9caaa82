"""Slots for parallel trainings on the CUDA devices, each by its own free memory."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.machine import GIB
from ricenet_v2.network.cards import Card
from ricenet_v2.training.memory import CONTEXT_BYTES, SHARE_OF_MEMORY

_LEAST_OVER = 1.0 + 1e-6
"""Margin so that bytes given in GiB are not rounded down."""


@dataclass(frozen=True)
class TrainingSlot:
    """Room for one training.

    Attributes:
        card: The CUDA device; None where the trainings compute elsewhere.
        case_bytes: Bytes of the device for training cases.
    """

    card: Card | None = None
    case_bytes: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that trains there."""
        return {} if self.card is None else self.card.environment

    @property
    def device_cache_gb(self) -> float | None:
        """The option of the training for the memory of its cases."""
        return None if self.card is None else self.case_bytes / GIB * _LEAST_OVER

    def device(self, requested: str | None) -> str | None:
        """The device that the training is given."""
        return requested if self.card is None or self.card.word is None else "cuda"


@dataclass(frozen=True)
class Need:
    """Bytes of a device that a training takes.

    Attributes:
        step: Bytes of a training step.
        cases: Bytes of the training cases, which stay on the device if they fit.
    """

    step: int
    cases: int

    @property
    def least(self) -> int:
        """Minimum memory to start."""
        return self.step + CONTEXT_BYTES

    @property
    def most(self) -> int:
        """Memory including cached cases."""
        return self.least + self.cases


def slots_of(card: Card, need: Need) -> int:
    """Number of trainings that fit a device; with their cases if those of one fit.

    A single training keeps a device busy once its cases lie there: more of them that wait for data
    are no faster.
    """
    if card.free is None:
        return 1
    room = int(SHARE_OF_MEMORY * card.free)
    return room // (need.most if room >= need.most else need.least)


def slots_on(cards: Sequence[Card], need: Need, number: int) -> list[TrainingSlot]:
    """Slots, spread so that no device has two before each with room has one.

    If more are requested than fit, the rest goes where most memory is left for each.

    Args:
        cards: Cards, at least one.
        need: Memory need of each training.
        number: Number of trainings in parallel.
    """
    counts = collections.Counter[int]()
    for _ in range(number):
        fitting = [card for card in cards if counts[card.index] < slots_of(card, need)]
        if fitting:
            # The emptiest; of several the one with most memory.
            chosen = min(fitting, key=lambda card: (counts[card.index], -(card.free or 0)))
        else:
            chosen = max(cards, key=lambda card: (card.free or 0) / (counts[card.index] + 1))
        counts[chosen.index] += 1
    emptiest = sorted(cards, key=lambda card: -(card.free or 0))
    return [
        TrainingSlot(card, _room_for_cases(card, need, counts[card.index]))
        for turn in range(number)
        for card in emptiest
        if turn < counts[card.index]
    ]


def _room_for_cases(card: Card, need: Need, count: int) -> int:
    """Bytes that each of that many trainings may take for its cases: all of them, or nothing."""
    share = int(SHARE_OF_MEMORY * (card.free or 0)) // count
    return need.cases if need.most <= share else 0


class FreeSlots:
    """The slots that no training has."""

    def __init__(self, slots: Sequence[TrainingSlot]) -> None:
        """All of them are free."""
        self._free, self._taken = list(slots), collections.Counter[Card | None]()

    def __len__(self) -> int:
        """Number of free slots."""
        return len(self._free)

    def take(self) -> TrainingSlot:
        """One of the device with the fewest trainings."""
        slot = min(self._free, key=lambda slot: self._taken[slot.card])
        self._free.remove(slot)
        self._taken[slot.card] += 1
        return slot

    def give_back(self, slot: TrainingSlot) -> None:
        """The training there has ended."""
        self._taken[slot.card] -= 1
        self._free.append(slot)
