"""Attribution maps of one case, and the names they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Image
from ricenet_v2.explanation.options import MapKind
from ricenet_v2.records.explained_case import ALL, ENSEMBLE, LOG_ODDS, Completeness


@dataclass(frozen=True)
class Map:
    """Attribution on the network's voxels; positive speaks for the class.

    Attributes:
        name: E.g. `occlusion__dose`.
        method: Kind of the map.
        channel: Name of the only channel, or `all`.
        member: `ensemble` or `fold_N`.
        unit: Unit of the values.
        values: float32 (z, y, x), 0 where nothing was explained.
        words: Description of the method.
    """

    name: str
    method: MapKind
    channel: str
    member: str
    unit: str
    values: Image
    words: tuple[str, ...]


@dataclass(frozen=True)
class Maps:
    """All maps of a case, and how far integrated gradients add up."""

    maps: tuple[Map, ...]
    completeness: tuple[Completeness, ...]

    def ensemble(self) -> tuple[Map, ...]:
        """Maps of the whole ensemble, in log odds."""
        return tuple(m for m in self.maps if m.member == ENSEMBLE and m.unit == LOG_ODDS)

    def of(self, kind: MapKind) -> dict[str, Image]:
        """Maps of all channels together, by member."""
        return {
            m.member: m.values
            for m in self.maps
            if m.method == kind and m.channel == ALL and m.unit == LOG_ODDS
        }

    def channel_shares(self) -> dict[str, dict[str, float]]:
        """The share of each channel, by method, in the absolute attribution of single channels."""
        sums: dict[str, dict[str, float]] = {}
        for m in self.ensemble():
            if m.channel != ALL:
                size = float(np.abs(m.values).sum(dtype=np.float64))
                sums.setdefault(m.method, {})[m.channel] = size
        return {
            method: {name: size / (sum(sizes.values()) or 1.0) for name, size in sizes.items()}
            for method, sizes in sums.items()
        }


def together(
    kind: MapKind,
    maps: Mapping[int, Image],
    sentences: tuple[str, ...],
    channel: str | None = None,
) -> list[Map]:
    """The mean over the members, and each member's where there are several."""
    name, shown = named(kind, channel), channel or ALL
    all_maps = [Map(name, kind, shown, ENSEMBLE, LOG_ODDS, mean(list(maps.values())), sentences)]
    if len(maps) > 1:
        all_maps += [
            Map(f"{name}__fold_{fold}", kind, shown, f"fold_{fold}", LOG_ODDS, values, sentences)
            for fold, values in maps.items()
        ]
    return all_maps


def named(kind: str, channel: str | None) -> str:
    """Name of the ensemble's map of one channel, or of all."""
    return kind if channel is None else f"{kind}__{channel}"


def mean(maps: Sequence[Image]) -> Image:
    """Mean of several maps, voxel by voxel."""
    return np.asarray(np.mean(maps, axis=0), dtype=np.float32)


def filled(values: Image) -> Image:
    """A map with 0 where nothing was explained."""
    return np.nan_to_num(values, nan=0.0)
