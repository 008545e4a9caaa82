"""Comparison of dataset.json with what an earlier stage took from it."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan

AnyChannel = Channel | ChannelPlan


def listed_channels(channels: Sequence[AnyChannel]) -> str:
    """Names and kinds, in their order."""
    return ", ".join(f"{channel.name} ({channel.kind})" for channel in channels)


def other_channels(then: Sequence[AnyChannel], now: Sequence[AnyChannel]) -> str:
    """Differences of channels in name, kind or order, in words; empty if there are none."""
    if [(channel.name, channel.kind) for channel in then] == [
        (channel.name, channel.kind) for channel in now
    ]:
        return ""
    return f"channels {listed_channels(then)} then, {listed_channels(now)} now"


def other_than_planned(plan: Plan, dataset: Dataset) -> list[str]:
    """Differences of a dataset from the one that a plan was made for, in words."""
    return _without_empty(
        other_channels(plan.channels, dataset.channels),
        _other_classes(plan.classes, dataset.classes),
    )


def other_than_trained(then: Dataset, now: Dataset) -> list[str]:
    """Differences of a dataset that change the input or output of networks, in words."""
    details = [(channel.timepoint, channel.unit) for channel in then.channels]
    is_detail = details != [(channel.timepoint, channel.unit) for channel in now.channels]
    channels = other_channels(then.channels, now.channels)
    return _without_empty(
        "" if then.name == now.name else f"name {then.name} then, {now.name} now",
        channels or ("another time point or unit of a channel" if is_detail else ""),
        _other_classes(then.classes, now.classes),
        ""
        if then.file_ending == now.file_ending
        else f"file_ending {then.file_ending} then, {now.file_ending} now",
    )


def _other_classes(then: Sequence[str], now: Sequence[str]) -> str:
    if tuple(then) == tuple(now):
        return ""
    return f"classes {', '.join(then)} then, {', '.join(now)} now"


def _without_empty(*texts: str) -> list[str]:
    return [text for text in texts if text]
