"""Settings of occlusion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ricenet_v2.core.options import options
from ricenet_v2.records.ranges import Gigabytes, Millimetres, Samples

ImageBaseline = Literal["local_mean", "mirror", "zero"]
DoseBaseline = Literal["local_mean", "zero_gy"]
Method = Literal["auto", "full", "incremental", "coarse"]


@options
class OcclusionSettings:
    """Settings of occlusion; lengths in mm, each converted to at least one voxel per axis.

    Attributes:
        window_mm: Side of the cube that is hidden.
        stride_mm: Stride in mm from one cube to the next; not more than `window_mm`, which it is by
            default.
        channel: Name of the only channel that is hidden; None hides all channels at once, as the
            paper does.
        image: Replacement of voxels of images, which are neither doses nor masks: `local_mean`, the
            mean of the shell around the window; `mirror`, the voxels on the other side of the
            mid-sagittal plane; `zero`, which after z-score is the mean of the case.
        dose: Replacement of dose voxels: `local_mean` as above, or `zero_gy`.
        method: `full` passes every occluded image through the network, whole from the second
            layer on; `incremental` computes only what a window can change in any layer; `coarse`
            estimates what windows take away from gradients and looks at some of them to correct
            that; `auto` is `incremental` where that is exact and `full` elsewhere.
        batch: Occluded images at a time; None takes the most that `memory_gb` lets.
        memory_gb: Bound of what the passes take beside the network and the case, GiB.
    """

    window_mm: Millimetres = 16.0
    stride_mm: Millimetres = Field(default_factory=lambda checked: checked["window_mm"])
    channel: str | None = None
    image: ImageBaseline = "local_mean"
    dose: DoseBaseline = "local_mean"
    method: Method = "auto"
    batch: Samples | None = None
    memory_gb: Gigabytes = 2.0
