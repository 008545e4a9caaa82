"""Channels of nnU-Net's dataset.json, whose names must give their kinds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeGuard

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import number
from ricenet_v2.records.dataset import CHANNEL_KINDS, ChannelKind
from ricenet_v2.records.kinds import KINDS

_KINDS_OF_NAMES = {word: kind for kind in CHANNEL_KINDS for word in KINDS[kind].words}
_BETWEEN = re.compile(r"[\s_.-]+")


def channels_of(names: object, path: Path) -> list[dict[str, str]]:
    """Names and kinds of the channels in the order of their numbers.

    Args:
        names: Value of `channel_names`.
        path: Path of dataset.json, for errors.

    Raises:
        DatasetError: Not a name for each number from 0 on, or a name of no known kind.
    """
    by_number = {number(key): name for key, name in names.items()} if _maps(names) else {}
    if not _maps(names) or sorted(by_number, key=str) != sorted(range(len(by_number)), key=str):
        raise DatasetError(
            "dataset.json has channel_names that are not those of nnU-Net.",
            file=path,
            expected='a name for each number from 0 on, e.g. "channel_names": {"0": "T1c", '
            '"1": "FLAIR"}',
            got=ascii(names)[:200],
            remedy='Correct it, or replace it by "channels": [{"name": "T1c", "kind": "mri"}, ...]',
        )
    ordered = [by_number[place] for place in range(len(by_number))]
    return [{"name": name, "kind": _kind_of(name, path)} for name in ordered]


def _maps(names: object) -> TypeGuard[dict[str, str]]:
    return isinstance(names, dict) and all(isinstance(name, str) for name in names.values())


def kind_of_name(name: str) -> ChannelKind | None:
    """The kind that the name of a channel means without doubt; None of any other.

    That is the kind which its words mean (`T1c_event`, `RTDOSE sum`), if all that mean one agree.
    """
    words = _BETWEEN.split(name.lower())
    kinds = {_KINDS_OF_NAMES[word] for word in words if word in _KINDS_OF_NAMES}
    return kinds.pop() if len(kinds) == 1 else None


def _kind_of(name: str, path: Path) -> ChannelKind:
    kind = kind_of_name(name)
    if kind is not None:
        return kind
    raise DatasetError(
        f"The kind of channel {name!r} is unknown.",
        file=path,
        expected=f"one of {', '.join(CHANNEL_KINDS)}",
        got=name,
        remedy='Replace channel_names by "channels": [{"name": "...", "kind": "mri"}, ...]',
    )


def classes_of(labels: dict[str, Any], path: Path) -> list[str]:
    """Names of nnU-Net's labels in the order of their integers."""
    wrong = [name for name, value in labels.items() if type(value) is not int]
    if wrong:
        raise DatasetError(
            "dataset.json has no classes, and its labels are not one integer for each name.",
            file=path,
            expected='"classes": ["...", "..."], the names in the column label of cases.csv',
            got=", ".join(f"{name}: {labels[name]!r}" for name in wrong[:5]),
            remedy="nnU-Net's labels and regions are those of voxels; a class belongs to a whole "
            "case. Replace labels by classes.",
        )
    return sorted(labels, key=lambda name: int(labels[name]))
