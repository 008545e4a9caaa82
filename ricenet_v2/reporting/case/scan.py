"""The images of one case, cropped to the head."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import GeometryError, RicenetError
from ricenet_v2.core.failures import logged, reason_of
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask, Shape
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.report import SectionVolume
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store.images import read_whole_image
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)

_MARGIN_MM = 8.0
_REPLACED = (
    "its images or its brain mask have changed since they were preprocessed: the networks saw "
    "others than those shown here (ricenet_plan_and_preprocess preprocesses the case again)"
)


@dataclass(frozen=True)
class ShownMap:
    """A map that another command made of a case, on the grid of its images."""

    volume: SectionVolume
    voxels: Image


@dataclass(frozen=True)
class DisplayedCase:
    """Data of a case for its page; array axes (z, y, x), LPS.

    Attributes:
        channels: Descriptions, in the order of the dataset.
        voxels: One image per channel, in its own unit.
        grid: Grid of all images.
        lesion: Mask of the lesion, where the dataset has one.
        maps: Maps of other commands.
        left_out: Maps that cannot be shown, with the reason, in words.
        flags: Remarks on the images for the reader, in words.
    """

    channels: tuple[Channel, ...]
    voxels: tuple[Image, ...]
    grid: Grid
    lesion: Mask | None
    maps: tuple[ShownMap, ...] = ()
    left_out: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def dose(self) -> Image | None:
        """The first channel that is a dose."""
        shown = zip(self.channels, self.voxels, strict=True)
        return next((image for channel, image in shown if KINDS[channel.kind].is_dose), None)

    @property
    def anatomy(self) -> tuple[int, ...]:
        """Indices of the channels that show anatomy."""
        return tuple(n for n, channel in enumerate(self.channels) if KINDS[channel.kind].is_anatomy)


def read_scan(
    raw: RawDataset,
    case: Case,
    maps: Sequence[tuple[SectionVolume, Path]] = (),
    record: PreprocessedCase | None = None,
    plan: Plan | None = None,
) -> DisplayedCase:
    """Read all channels of a case, its masks where there are any, and maps.

    The images are checked as before a prediction: what cannot be predicted from is not shown.

    Args:
        raw: The dataset.
        case: A case of the dataset.
        maps: Files of other commands; one that lies on another grid or cannot be read is left out.
        record: Record of its preprocessed images, which are compared with the images.
        plan: Plan by which they were preprocessed.

    Raises:
        DatasetError: An image is missing, damaged, or has another error that the check of a dataset
            would find.
        GeometryError: The lesion mask does not lie on the grid of the channels.
    """
    images, brain = raw.images(case), raw.mask(case, "brain")
    channels, is_straightened = raw.dataset.channels, plan is not None and plan.straighten
    absent = raw.absent(case) if plan is not None and plan.allows_missing else ()
    checked = check_case(
        case,
        channels,
        images,
        brain,
        straighten=is_straightened,
        allow_any_size=raw.dataset.allow_any_size,
        absent=absent,
    )
    voxels, grid = checked.sound(case.case_id)
    lesion = raw.mask(case, "lesion")
    shown, left_out = _maps(maps, grid)
    is_replaced = (
        plan is not None
        and record is not None
        and record.plan_hash == voxels_hash(plan)
        and record.inputs_hash
        not in ("", inputs_hash(images, raw.region_mask(case, plan.region), plan, absent))
    )
    whole = DisplayedCase(
        tuple(channel for index, channel in enumerate(channels) if index not in absent),
        tuple(image for index, image in enumerate(voxels) if index not in absent),
        grid,
        None if lesion is None else _lesion(lesion, grid, case.case_id),
        shown,
        left_out,
        (_REPLACED,) if is_replaced else (),
    )
    return crop(whole, checked.brain)


def _lesion(path: Path, grid: Grid, case_id: str) -> Mask:
    voxels, lesion_grid = read_whole_image(path)
    if not lesion_grid.matches(grid):
        raise GeometryError(
            "The lesion mask does not lie on the grid of the images.",
            case=case_id,
            file=path,
            expected=grid,
            got=lesion_grid,
            remedy="Resample the mask onto the grid of the first channel.",
        )
    mask: Mask = voxels > 0.5
    return mask


def _maps(
    maps: Sequence[tuple[SectionVolume, Path]], grid: Grid
) -> tuple[tuple[ShownMap, ...], tuple[str, ...]]:
    """The maps that can be shown, and why the others cannot."""
    shown, left_out = [], []
    for volume, path in maps:
        message = f"the map {path.name} is not shown"
        try:
            voxels, map_grid = read_whole_image(path)
        except Exception as error:  # noqa: BLE001 - the images are shown without this map
            logged(logger, message, error)
            why = error.what if isinstance(error, RicenetError) else reason_of(error)
            left_out.append(f"{message}: {why}")
            continue
        if map_grid.matches(grid):
            shown.append(ShownMap(volume, voxels))
        else:
            left_out.append(f"{message}: its grid differs from that of the images")
            logger.warning("%s: %s", path, left_out[-1])
    return tuple(shown), tuple(left_out)


def crop(scan: DisplayedCase, brain: Mask | None) -> DisplayedCase:
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
    return replace(
        scan,
        voxels=tuple(np.ascontiguousarray(voxels[box]) for voxels in scan.voxels),
        grid=scan.grid.crop(_shape(start), _shape(stop)),
        lesion=None if scan.lesion is None else scan.lesion[box],
        maps=tuple(
            replace(shown_map, voxels=np.ascontiguousarray(shown_map.voxels[box]))
            for shown_map in scan.maps
        ),
    )


def _head(scan: DisplayedCase) -> Mask:
    shown = [scan.voxels[n] for n in scan.anatomy] or list(scan.voxels)
    head: Mask = np.any([voxels != 0 for voxels in shown], axis=0)
    return head


def _shape(values: list[int]) -> Shape:
    z, y, x = values
    return z, y, x
