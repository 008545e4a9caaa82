"""Subsets of the groups that are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from ricenet_v2.ablation.groups import MOST_GROUPS
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.ablation import ChannelGroup, Subset

JOINED = "+"


def every_subset(
    groups: Sequence[ChannelGroup], channels: Sequence[str], plan: str
) -> tuple[Subset, ...]:
    """All non-empty subsets: all groups first, then from one group to many.

    Args:
        groups: Groups of the dataset.
        channels: Names of all channels, in the order of the plan.
        plan: Name of the plan, which is in the name of a model's folder.

    Raises:
        DatasetError: More than 6 groups, which would be more than 63 models.
    """
    if len(groups) > MOST_GROUPS:
        raise DatasetError(
            f"Every subset of {len(groups)} groups would be {2 ** len(groups) - 1} models.",
            expected=f"at most {MOST_GROUPS} groups ({2**MOST_GROUPS - 1} models)",
            got=", ".join(group.name for group in groups),
            remedy="Join channels with --by kind or --by timepoint, or name subsets with "
            "--subsets, e.g. --subsets "
            + " ".join(group.name for group in groups[:2])
            + f" {groups[0].name}{JOINED}{groups[1].name}.",
        )
    sizes = range(1, len(groups))
    chosen = [groups, *(part for n in sizes for part in combinations(groups, n))]
    return tuple(_subset(part, groups, channels, plan) for part in chosen)


def named_subsets(
    groups: Sequence[ChannelGroup], channels: Sequence[str], plan: str, names: Iterable[str]
) -> tuple[Subset, ...]:
    """The named subsets behind that of all groups, which the others are compared with.

    Args:
        groups: Groups of the dataset.
        channels: Names of all channels, in the order of the plan.
        plan: Name of the plan.
        names: Names of groups joined with `+`, e.g. `T1c_event+dose`.

    Raises:
        DatasetError: A name is not that of a group.
    """
    known = {group.name for group in groups}
    requested = {name: set(name.split(JOINED)) for name in names}
    unknown = [name for name, parts in requested.items() if not parts <= known]
    if unknown:
        raise DatasetError(
            "These subsets name groups that the dataset does not have.",
            expected=f"names of groups joined with +: {', '.join(sorted(known))}",
            got=", ".join(unknown),
        )
    parts = [set(known), *requested.values()]
    subsets = [
        _subset([g for g in groups if g.name in part], groups, channels, plan) for part in parts
    ]
    return tuple({subset.name: subset for subset in subsets}.values())


def canonical(groups: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """Names of subsets with their groups in the order of the dataset, sorted, each once."""
    parts = (sorted(set(name.split(JOINED)), key=groups.index) for name in names)
    return tuple(sorted({JOINED.join(part) for part in parts}))


def _subset(
    chosen: Sequence[ChannelGroup],
    groups: Sequence[ChannelGroup],
    channels: Sequence[str],
    plan: str,
) -> Subset:
    """Folders are named as ricenet_train names them: channels in the order of the plan."""
    names = {name for group in chosen for name in group.channels}
    channel_names = tuple(name for name in channels if name in names)
    label = "all" if len(chosen) == len(groups) else JOINED.join(channel_names)
    of = tuple(group.name for group in chosen)
    return Subset(JOINED.join(of), of, channel_names, f"{plan}__{label}")
