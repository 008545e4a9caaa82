"""Record of a preprocessed case."""

from __future__ import annotations

import operator
from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.records.region import WHOLE_IMAGE
from ricenet_v2.records.typical import sizes_of


@record
class StraightBox:
    """A grid along the axes of the patient that images were resampled to.

    Attributes:
        shape: Voxels along (z, y, x), before they are brought to the size of the input.
        spacing: mm along (z, y, x).
        origin: World (x, y, z) mm in LPS of the first voxel.
    """

    shape: Shape
    spacing: Triple
    origin: Triple


@record
class PreprocessedCase:
    """The content of CASE.json beside CASE.b2nd.

    Attributes:
        case_id: The case.
        shape: Stored shape (channels, z, y, x).
        source_grid_shape: Shape (z, y, x) of the images after reorientation to LPS.
        source_spacing: mm along (z, y, x).
        source_origin: World (x, y, z) mm in LPS.
        source_direction: Nine direction cosines.
        crop_start: First voxel (z, y, x) of the cropped region in the source.
        crop_stop: First voxel behind it.
        region: Region of the crop: `brain mask`, `head`, `whole image`, `lesion with a margin of 20
            mm`, or `non-zero voxels` in plans made before there were regions.
        dose_maximum: Largest dose in Gy of each dose channel, by channel name.
        warnings: Warnings in words.
        inputs_hash: SHA-256 over the input files and the parts of the plan that matter.
        plan_hash: `voxels.voxels_hash` of the plan; empty in older files.
        intensity_mean: Mean inside the region of each mri, ct and pet channel, by its name, in
            the units of the file; empty in older files.
        voxel_hashes: Hashes of the voxels of each image that is not constant, by its channel's
            name: they identify the same images whatever plan, ids, names, format and header.
        content_hash: SHA-256 of CASE.b2nd, compared when it is read; empty in older files.
        straight: Where the images lay tilted and the plan straightens: what the network sees is
            this box, and `crop_start` and `crop_stop` say only where the region lies.
        region_ml: Volume of the region; 0 in older files.
        mask_labels: Values other than 0 of each mask channel, by its name; without those that are
            no labels since there are too many, and empty in older files.
        missing: Names of the channels that the case lacks, whose voxels are all NaN; not written
            where it has all.
    """

    document: ClassVar[str] = "preprocessed_case"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    case_id: Name
    shape: tuple[int, int, int, int]
    source_grid_shape: Shape
    source_spacing: Triple
    source_origin: Triple
    source_direction: tuple[float, ...]
    crop_start: Shape
    crop_stop: Shape
    region: str
    dose_maximum: dict[str, float]
    warnings: tuple[str, ...]
    inputs_hash: str
    plan_hash: str = ""
    intensity_mean: dict[str, float] = field(default_factory=dict)
    voxel_hashes: dict[str, str] = field(default_factory=dict)
    straight: StraightBox | None = None
    content_hash: str = ""
    region_ml: float = 0.0
    mask_labels: dict[str, tuple[float, ...]] = field(default_factory=dict)
    missing: Annotated[tuple[Name, ...], Field(exclude_if=operator.not_)] = ()


def sizes_of_case(case: PreprocessedCase) -> dict[str, float]:
    """Sizes of a case that are compared within a cohort, by name."""
    shape, spacing = case.source_grid_shape, case.source_spacing
    extent = [n * mm for n, mm in zip(shape, spacing, strict=True)]
    volume = 0.0 if case.region == WHOLE_IMAGE else case.region_ml
    return sizes_of(extent, spacing, volume, case.region)
