"""The images of one case, cropped to the head."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.failures import logged
from ricenet_v2.core.grid import Grid, Shape
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.report import PartVolume
from ricenet_v2.store.images import read_image, read_whole_image
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
_MARGIN_MM = 8.0
_ANATOMY = ("mri", "ct", "pet")


@dataclass(frozen=True)
class ShownMap:
    """A map that another command made of a case, on the grid of its images."""

    volume: PartVolume
    voxels: Image


@dataclass(frozen=True)
class Scan:
    """What a page shows of a case; array axes (z, y, x), LPS.

    Attributes:
        channels: Descriptions, in the order of the dataset.
        voxels: One image per channel, in its own unit.
        grid: Of all of them.
        lesion: Mask of the lesion, where the dataset has one.
        maps: Of other commands.
    """

    channels: tuple[Channel, ...]
    voxels: tuple[Image, ...]
    grid: Grid
    lesion: Mask | None
    maps: tuple[ShownMap, ...] = ()

    @property
    def dose(self) -> Image | None:
        """The first channel of kind dose."""
        return self.of("dose")

    @property
    def anatomy(self) -> tuple[int, ...]:
        """Indices of the channels that show anatomy."""
        return tuple(n for n, one in enumerate(self.channels) if one.kind in _ANATOMY)

    def of(self, kind: str) -> Image | None:
        """The first channel of that kind."""
        found = [v for one, v in zip(self.channels, self.voxels, strict=True) if one.kind == kind]
        return found[0] if found else None


def read_scan(raw: RawDataset, case: Case, maps: Sequence[tuple[PartVolume, Path]] = ()) -> Scan:
    """Read all channels of a case, its masks where there are any, and maps.

    Args:
        raw: The dataset.
        case: Of it.
        maps: Files of other commands; one that lies on another grid or cannot be read is left out.

    Raises:
        DatasetError: An image is missing or cannot be read.
        GeometryError: The channels do not lie on one grid.
    """
    read = [read_image(path) for path in raw.images(case)]
    grid = read[0][1]
    masks = {name: raw.mask(case, name) for name in ("brain", "lesion")}
    found = {name: read_whole_image(path) for name, path in masks.items() if path is not None}
    for voxels, _ in [*read, *found.values()]:
        if voxels.shape != grid.shape:
            raise GeometryError(
                "The images of a case differ in shape.",
                case=case.case_id,
                expected=grid.shape,
                got=voxels.shape,
            )
    masked = {name: voxels > 0.5 for name, (voxels, _) in found.items()}
    whole = Scan(
        raw.dataset.channels,
        tuple(voxels for voxels, _ in read),
        grid,
        masked.get("lesion"),
        tuple(_maps(maps, grid)),
    )
    return crop(whole, masked.get("brain"))


def _maps(maps: Sequence[tuple[PartVolume, Path]], grid: Grid) -> Iterator[ShownMap]:
    for volume, path in maps:
        try:
            voxels, own = read_image(path)
        except Exception as error:  # noqa: BLE001 - the images are shown without this map
            logged(logger, f"{path.name} is not shown", error)
            continue
        if own.shape == grid.shape:
            yield ShownMap(volume, voxels)
        else:
            logger.warning("%s is not shown: it lies on another grid than the images.", path)


def crop(scan: Scan, brain: Mask | None) -> Scan:
    """The part around the brain mask or, without one, around what is not zero; never the dose's."""
    head = brain if brain is not None and brain.any() else _head(scan)
    if not head.any():
        return scan
    start, stop = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(head.any(axis=others))
        margin = int(np.ceil(_MARGIN_MM / scan.grid.spacing[axis]))
        start.append(max(0, int(inside[0]) - margin))
        stop.append(min(scan.grid.shape[axis], int(inside[-1]) + 1 + margin))
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    return Scan(
        scan.channels,
        tuple(np.ascontiguousarray(voxels[box]) for voxels in scan.voxels),
        scan.grid.crop(_shape(start), _shape(stop)),
        None if scan.lesion is None else scan.lesion[box],
        tuple(ShownMap(one.volume, np.ascontiguousarray(one.voxels[box])) for one in scan.maps),
    )


def _head(scan: Scan) -> Mask:
    shown = [scan.voxels[n] for n in scan.anatomy] or list(scan.voxels)
    head: Mask = np.any([voxels != 0 for voxels in shown], axis=0)
    return head


def _shape(values: list[int]) -> Shape:
    z, y, x = values
    return z, y, x
