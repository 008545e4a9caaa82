"""One case made ready: windows and baselines, computed once for all members of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.errors import DatasetError, GeometryError, PlanError
from ricenet_v2.core.types import Images, Mask
from ricenet_v2.explanation.occlusion.baselines import ALONG_X, Fills, fills
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.occlusion.windows import Windows, lay_windows
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Triple


@dataclass(frozen=True)
class Occlusions:
    """A case with the windows that are hidden in it.

    Attributes:
        array: Preprocessed images, float32 (channels, z, y, x).
        region: Mask (z, y, x) of the voxels that are explained.
        plan: Plan of the networks.
        settings: Settings of occlusion.
        windows: Boxes that are hidden.
        fills: Values that replace the voxels.
    """

    array: Images
    region: Mask
    plan: Plan
    settings: OcclusionSettings
    windows: Windows
    fills: Fills


def prepare(
    array: Images,
    region: Mask,
    plan: Plan,
    settings: OcclusionSettings,
    case_id: str = "case",
    left: Triple = ALONG_X,
) -> Occlusions:
    """Lay the windows and compute the baselines.

    Args:
        array: Preprocessed images (channels of the plan, z, y, x).
        region: Mask (z, y, x) of the voxels to explain, e.g. the brain at the plan's spacing.
        plan: Spacing and kinds of the channels.
        settings: Settings of the occlusion.
        case_id: Case id for messages.
        left: Direction to the left of the patient, a unit vector along the array axes (z, y, x).

    Raises:
        DatasetError: The array does not have the channels of the plan.
        GeometryError: The region does not fit the array or is empty, or windows or stride do not
            fit the image.
        PlanError: The channel of the settings is none of the plan.
    """
    names = [channel.name for channel in plan.channels]
    if array.ndim != 4 or len(array) != len(names):
        raise DatasetError(
            "The images do not have the channels that the networks were trained on.",
            case=case_id,
            expected=f"({len(names)}, z, y, x): {', '.join(names)}",
            got=array.shape,
            remedy="Give the channels of the model, or another model.",
        )
    if region.shape != array.shape[1:]:
        raise GeometryError(
            "The region does not lie on the grid of the images.",
            case=case_id,
            expected=array.shape[1:],
            got=region.shape,
            remedy="Resample the mask to the grid that the network sees.",
        )
    if settings.channel is not None and settings.channel not in names:
        raise PlanError(
            "There is no such channel to hide.",
            case=case_id,
            expected=" or ".join(names),
            got=settings.channel,
        )
    array = np.ascontiguousarray(array, dtype=np.float32)
    windows = lay_windows(region, plan.spacing, settings.window_mm, settings.stride_mm)
    filled = fills(array, region, plan, settings, windows, left)
    return Occlusions(array, region, plan, settings, windows, filled)
