"""Channels that a case has, in words: `all`, or their names joined with `+`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ricenet_v2.records.dataset import ALL_CHANNELS, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan_parts import ChannelPlan

PRESENT = "channels"
"""Column of cases.csv and of tables of predictions; name of the subgroups by what was there."""

__all__ = ["PRESENT", "lacks_anatomy", "missing_by", "presence_text"]


def presence_text(channels: Sequence[str], missing: Collection[str]) -> str:
    """Channels of a case, as in the names of models: `all`, or `T1c_event+dose`.

    Args:
        channels: Names of all channels, in their order.
        missing: Names of those that the case lacks.
    """
    there = [name for name in channels if name not in missing]
    return ALL_CHANNELS if len(there) == len(channels) else "+".join(there)


def missing_by(cell: str, channels: Sequence[str]) -> tuple[str, ...] | None:
    """The channels that a case lacks by its cell in the column `channels`.

    Args:
        cell: Cell as written by `presence_text`, the names in any order.
        channels: Names of all channels, in their order.

    Returns:
        Names in the order of the channels; None where the cell says nothing or names no channels.
    """
    if cell == ALL_CHANNELS:
        return ()
    named, left = set[str](), cell
    while left:
        # Longest first: a name may itself contain a `+`.
        starts = [name for name in channels if left == name or left.startswith(f"{name}+")]
        if not starts:
            return None
        name = max(starts, key=len)
        named.add(name)
        rest = left[len(name) :]
        if rest == "+":
            return None
        left = rest[1:]
    return tuple(name for name in channels if name not in named) if named else None


def lacks_anatomy(channels: Sequence[Channel | ChannelPlan], missing: Collection[str]) -> bool:
    """Whether nothing that shows the patient is left: no channel of anatomy, or no channel.

    Where no channel shows anatomy, e.g. in a network of the dose alone, any channel will do.

    Args:
        channels: All of them.
        missing: Names of those that are missing.
    """
    shown = [each.name for each in channels if KINDS[each.kind].is_anatomy]
    return set(shown or [each.name for each in channels]) <= set(missing)
