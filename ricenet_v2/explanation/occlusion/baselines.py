"""Replacement of the hidden voxels, channel by channel.

One mean for all channels, as MONAI's OcclusionSensitivity fills them, mixes z-scored MRI (mean 0)
with dose (0 to 1): it puts a dose of tens of Gy where there was none, and shifts the MRI by as
many deviations, so the map shows what the filling did. Here each kind has its own baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.types import Image, Images, Mask
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.occlusion.windows import Values, Windows, box_totals
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Triple
from ricenet_v2.voxels.absence import absent_channels

ALONG_X: Triple = (0.0, 0.0, 1.0)
# cos 0.5 degrees: as near to the axes of the patient as heads can be positioned.
_UPRIGHT = 0.99996


@dataclass(frozen=True)
class Fills:
    """Values that fill each window.

    Attributes:
        constants: One value per window and channel, (windows, channels).
        replacements: Image (z, y, x) whose voxels replace those of a channel that is filled voxel
            by voxel: the mirrored one, or for a channel that is not hidden the image itself.
    """

    constants: NDArray[np.float32]
    replacements: dict[int, Image]

    def box(self, number: int, windows: Windows) -> Images:
        """Values that fill window `number`, (channels, *size of the windows)."""
        values = np.empty((self.constants.shape[1], *windows.size), dtype=np.float32)
        values[...] = self.constants[number][:, None, None, None]
        place = windows.slices(number)[1:]
        for channel, image in self.replacements.items():
            values[channel] = image[place]
        return values


def fills(
    array: Images,
    region: Mask,
    plan: Plan,
    settings: OcclusionSettings,
    windows: Windows,
    left: Triple = ALONG_X,
) -> Fills:
    """Baselines of all windows.

    Args:
        array: Preprocessed images (channels of the plan, z, y, x): z-scored, dose over its divisor.
            Nothing is hidden in a channel that is missing (NaN).
        region: Mask (z, y, x); local means are taken from its voxels where the shell has any.
        plan: Kinds of the channels.
        settings: Baseline of each kind of channel, and the channel.
        windows: Windows to fill.
        left: Direction to the left of the patient, a unit vector along the array axes (z, y, x).
    """
    constants = np.zeros((len(windows), len(array)), dtype=np.float32)
    missing = absent_channels(array)
    anatomy = [
        n
        for n, channel in enumerate(plan.channels)
        if KINDS[channel.kind].is_anatomy and n not in missing
    ]
    head = np.any(array[anatomy] != 0, axis=0) if anatomy else region
    replacements: dict[int, Image] = {}
    for index, channel in enumerate(plan.channels):
        baseline = _baseline(channel.kind, settings)
        if index in missing or settings.channel not in (None, channel.name):
            replacements[index] = array[index]
        elif baseline == "mirror":
            replacements[index] = mirrored(array[index], head, left, plan.spacing)
        elif baseline == "local_mean":
            constants[:, index] = local_means(array[index], region, windows)
    return Fills(constants, replacements)


def _baseline(kind: ChannelKind, settings: OcclusionSettings) -> str:
    # A mask says where something is; the only neutral value of it is "not here".
    by_filling = {"image": settings.image, "dose": settings.dose, "zero": "zero"}
    return by_filling[KINDS[kind].filling]


def local_means(image: Image, region: Mask, windows: Windows) -> Values:
    """Mean of the shell around each window, half a window thick: (windows,).

    Of the shell's voxels in the region or, where there are none, of all of them; a window that is
    the whole image has no shell and gets the mean of the image.
    """
    starts, stops = windows.starts, windows.starts + np.asarray(windows.size)
    thick = np.maximum(1, np.asarray(windows.size) // 2)
    wide = np.maximum(starts - thick, 0), np.minimum(stops + thick, windows.shape)

    def shell(voxels: NDArray[Any]) -> Values:
        return box_totals(voxels, *wide) - box_totals(voxels, starts, stops)

    inside = np.rint(shell(region))
    counts = np.rint(shell(np.ones_like(region)))
    means = np.full(len(windows), image.mean(dtype=np.float64))
    np.divide(shell(image), counts, out=means, where=counts > 0)
    np.divide(shell(np.where(region, image, 0)), inside, out=means, where=inside > 0)
    return means


def mirrored(
    image: Image, head: Mask, left: Triple = ALONG_X, spacing: Triple = (1.0, 1.0, 1.0)
) -> Image:
    """An image (z, y, x) mirrored left to right at the middle of the head.

    The mid-sagittal plane goes through the centre of gravity of the head, across the patient's
    left-right axis. Where that runs along the last axis of the array, voxels change places, to
    half a voxel; where the images lie tilted they are interpolated linearly. Voxels whose
    counterpart lies outside of the image take the nearest one.

    Args:
        image: Image to mirror.
        head: Mask (z, y, x) of the voxels that show the patient.
        left: Direction to the left of the patient, a unit vector along the array axes (z, y, x).
        spacing: mm along (z, y, x).
    """
    if abs(left[2]) < _UPRIGHT:
        return _reflected(image, head, np.asarray(left), np.asarray(spacing))
    weight = head.sum(axis=(0, 1), dtype=np.float64)
    x = np.arange(len(weight))
    centre = (weight @ x) / weight.sum() if weight.any() else x.mean()
    reflected: Image = image[:, :, np.clip(round(2 * centre) - x, 0, x[-1])]
    return reflected


def _reflected(image: Image, head: Mask, left: Values, spacing: Values) -> Image:
    """Each voxel from the place that lies across the plane, in mm: p - 2 ((p - c) . n) n."""
    inside = np.argwhere(head) if head.any() else np.argwhere(np.ones(image.shape, bool))
    centre = inside.mean(axis=0) * spacing
    reflected = np.empty_like(image)
    y, x = np.indices(image.shape[1:])
    for z, plane in enumerate(reflected):
        at = np.stack([np.full(y.shape, float(z)), y, x]) * spacing[:, None, None]
        away = np.tensordot(left, at - centre[:, None, None], axes=1)
        across = (at - 2 * away * left[:, None, None]) / spacing[:, None, None]
        ndimage.map_coordinates(image, across, output=plane, order=1, mode="nearest")
    return reflected
