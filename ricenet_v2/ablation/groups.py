"""The groups that an ablation adds and removes: channels, modality kinds or time points."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.ablation import By, ChannelGroup
from ricenet_v2.records.dataset import Channel

WITHOUT_TIMEPOINT = "without_timepoint"
MOST_GROUPS = 6


def groups_of(channels: Sequence[Channel], by: By) -> tuple[ChannelGroup, ...]:
    """The groups, in the order in which the dataset first names them.

    Args:
        channels: Channels of the dataset.
        by: `channel`: each alone; `kind`: those of one kind; `timepoint`: those of one time point,
            and those that have none together, as `without_timepoint`.

    Raises:
        DatasetError: Only one group: there is nothing to leave out.
    """
    groups: dict[str, list[str]] = {}
    for channel in channels:
        groups.setdefault(_name(channel, by), []).append(channel.name)
    if len(groups) < 2:
        raise DatasetError(
            f"There are too few groups to leave one out by {by}.",
            expected="two or more groups of channels",
            got=", ".join(f"{name} ({', '.join(names)})" for name, names in groups.items()),
            remedy="Use another --by, or a dataset with more channels.",
        )
    return tuple(ChannelGroup(name, tuple(names)) for name, names in groups.items())


def _name(channel: Channel, by: By) -> str:
    if by == "channel":
        return channel.name
    if by == "kind":
        return channel.kind
    return channel.timepoint or WITHOUT_TIMEPOINT
