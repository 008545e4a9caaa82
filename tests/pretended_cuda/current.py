"""The pretended machine that is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pretended_cuda.machine import PretendedCuda

_machines: list[PretendedCuda] = []


def active() -> PretendedCuda:
    """The innermost one.

    Raises:
        RuntimeError: There is none: a tensor of it was used behind its block.
    """
    if not _machines:
        raise RuntimeError("a tensor of a pretended device is used behind its block")
    return _machines[-1]


def begin(machine: PretendedCuda) -> None:
    """Let it be at work."""
    _machines.append(machine)


def end(machine: PretendedCuda) -> None:
    """Let it be no longer."""
    _machines.remove(machine)
