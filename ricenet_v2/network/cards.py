"""The CUDA devices of this machine and their free memory, without beginning CUDA in this process.

A process that asks a device for its memory takes half a gigabyte of it until it ends. So a short
one of its own asks, by torch: it sees what `CUDA_VISIBLE_DEVICES` lets it see, in the order in
which torch counts, where `nvidia-smi` has another order, all cards, and no MIG instances.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass

import torch

logger = logging.getLogger(__name__)

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_MARK = "free bytes of CUDA devices: "
_SECONDS = 300.0  # A driver that is not persistent takes long to begin on a machine of many cards.


@dataclass(frozen=True)
class Card:
    """A CUDA device.

    Attributes:
        index: Its number here, as in `cuda:1`.
        free: Free bytes; None where they are unknown.
        word: Value of `CUDA_VISIBLE_DEVICES` with which another process sees this device alone: a
            number or the UUID of a GPU or MIG instance. None if there is no other.
    """

    index: int
    free: int | None
    word: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that is to see this device alone, as its `cuda`."""
        return {} if self.word is None else {_VISIBLE: self.word}


def cards(device: torch.device) -> tuple[Card, ...]:
    """The devices that a name means: `cuda` all of them, `cuda:1` that one, others none."""
    if device.type != "cuda":
        return ()
    free = _free_bytes()
    words = _words(len(free))
    there = (Card(n, *each) for n, each in enumerate(zip(free, words, strict=True)))
    return tuple(card for card in there if device.index in (None, card.index))


def _words(count: int) -> list[str | None]:
    """Name of each device for another process."""
    text = os.environ.get(_VISIBLE)
    if text is None:
        # With MIG the one that is seen may have no number.
        return [str(n) for n in range(count)] if count > 1 else [None] * count
    words = [word.strip() for word in text.split(",")]
    return [*words[:count], *(str(n) for n in range(len(words), count))]


def _free_bytes() -> list[int | None]:
    command = [sys.executable, "-m", "ricenet_v2.network.cards"]
    try:
        done = subprocess.run(  # noqa: S603 - no word comes from a user
            command, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
        answer = json.loads(done.stdout.rpartition(_MARK)[2])
        if isinstance(answer, list) and all(isinstance(each, int) for each in answer):
            return answer
        reason = f"answered {done.stdout[-200:]!r}"
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = str(error)
    count = torch.cuda.device_count()
    logger.warning(
        "Cannot determine the free memory of %d CUDA devices (%s): one training runs on each.",
        count,
        reason,
    )
    return [None] * count


def free_bytes() -> list[int]:
    """Free bytes of each CUDA device, 0 of one that cannot be used; begins CUDA on all of them."""
    return [_free_of(index) for index in range(torch.cuda.device_count())]


def _free_of(index: int) -> int:
    try:
        return int(torch.cuda.mem_get_info(index)[0])
    except (RuntimeError, AssertionError):  # it is full, faulty, or of another process alone
        return 0


if __name__ == "__main__":
    sys.stdout.write(f"{_MARK}{json.dumps(free_bytes())}\n")
