"""Preprocessing of one case to what the network sees, the same for training and prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ricenet_v2.core.errors import DatasetError, MissingChannelError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Images, Mask, Shape
from ricenet_v2.preprocessing.fit import fit
from ricenet_v2.preprocessing.normalise import normalise
from ricenet_v2.preprocessing.resampling_route import ResamplingRoute, find_way
from ricenet_v2.preprocessing.rotated_resampling import background
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan
from ricenet_v2.records.presence import lacks_anatomy
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.voxels.absence import ABSENT, is_absent
from ricenet_v2.voxels.hashing import voxel_hash
from ricenet_v2.voxels.labels import labels_of
from ricenet_v2.voxels.region import Region, case_region

_FEWEST = 8
"""Voxels of a region; of fewer a z-score makes next to nothing."""

_Channels = Sequence[Channel | ChannelPlan]


def preprocess(
    images: Images,
    grid: Grid,
    plan: Plan,
    case_id: str,
    region_mask: Mask | None = None,
    inputs_hash: str = "",
    channels: Sequence[Channel] | None = None,
) -> tuple[Images, PreprocessedCase]:
    """Crop to the region, resample, normalise, bring to the input size.

    Where the plan is restricted to some channels of a dataset, the others are still needed where
    the region follows the images: by all channels that show anatomy, whichever are made.

    Args:
        images: Axes (channels, z, y, x), LPS; dose in Gy; NaN in all voxels of a channel that the
            case lacks.
        grid: Grid of the images.
        plan: Decides everything.
        case_id: Case id for messages.
        region_mask: Mask that the region of the plan names, axes (z, y, x).
        inputs_hash: Kept in the record.
        channels: Channels of the images, in their order; those of the plan where None.

    Returns:
        float32 (channels of the plan, *plan.input_size), NaN in channels that are missing, and
        what stands beside it.

    Raises:
        MissingChannelError: A channel is missing, and the plan does not allow it, or none is left
            that shows the patient.
        DatasetError: Wrong number of channels, none of a channel of the plan, another shape, voxels
            that are not finite, or a region without voxels, here or at the spacing of the plan.
    """
    making, record = preprocess_channels(
        images, grid, plan, case_id, region_mask, inputs_hash, channels
    )
    preprocessed = np.empty(record.shape, dtype=np.float32)
    for target, channel in zip(preprocessed, making, strict=True):
        target[...] = channel
    return preprocessed, record


def preprocess_channels(
    images: Images,
    grid: Grid,
    plan: Plan,
    case_id: str,
    region_mask: Mask | None = None,
    inputs_hash: str = "",
    channels: Sequence[Channel] | None = None,
) -> tuple[Iterator[Image], PreprocessedCase]:
    """Preprocess as `preprocess` does, but make each channel, axes (z, y, x), on request.

    So a case can be written without all of its channels being held at the target spacing.
    """
    channels_read = channels or plan.channels
    images = images.astype(np.float32, copy=False)
    _check(images, grid, channels_read, case_id)
    chosen = _chosen(images, channels_read, plan, case_id)
    missing = _missing(chosen, plan, case_id)
    region = _region(images, grid, channels_read, plan, region_mask, case_id)
    mask = region.inside
    _refuse_flat(chosen, mask, region.name, plan, case_id)
    way = find_way(region, grid, plan)
    there = way.mask(region.patient)
    n_voxels, left = int(np.count_nonzero(mask)), int(np.count_nonzero(there))
    if left < min(_FEWEST, n_voxels):
        raise DatasetError(
            "Nothing is left of the patient at the spacing of the plan.",
            case=case_id,
            expected=f"the region ({region.name}) of {n_voxels} voxels at {grid.spacing} mm "
            f"(z, y, x) to have {_FEWEST} voxels or more at {plan.spacing} mm",
            got=f"{left} voxels",
            remedy="Look at the voxel size in the header and at the mask, if there is one.",
        )
    record = PreprocessedCase(
        case_id=case_id,
        shape=(len(plan.channels), *plan.input_size),
        source_grid_shape=grid.shape,
        source_spacing=grid.spacing,
        source_origin=grid.origin,
        source_direction=grid.direction,
        crop_start=way.start,
        crop_stop=way.stop,
        region=region.name,
        dose_maximum={
            channel.name: float(image.max())
            for image, channel in zip(chosen, plan.channels, strict=True)
            if KINDS[channel.kind].is_dose and channel.name not in missing
        },
        warnings=_warnings(there.shape, plan, chosen),
        inputs_hash=inputs_hash,
        plan_hash=voxels_hash(plan),
        intensity_mean={
            channel.name: float(np.mean(image, dtype=np.float64, where=mask))
            for image, channel in zip(chosen, plan.channels, strict=True)
            if KINDS[channel.kind].is_anatomy and channel.name not in missing
        },
        voxel_hashes=_voxel_hashes(images, channels_read),
        straight=way.straight,
        region_ml=n_voxels * float(np.prod(grid.spacing)) / 1000,
        mask_labels={
            channel.name: labels
            for image, channel in zip(chosen, plan.channels, strict=True)
            if KINDS[channel.kind].is_mask
            and channel.name not in missing
            and (labels := labels_of(image)) is not None
        },
        missing=missing,
    )
    return _channels(chosen, way, there, plan), record


def _missing(images: list[Image], plan: Plan, case_id: str) -> tuple[str, ...]:
    """Names of the plan's channels that the case lacks, where it may.

    Raises:
        MissingChannelError: It may not, or none is left that shows the patient.
    """
    pairs = zip(images, plan.channels, strict=True)
    missing = tuple(channel.name for image, channel in pairs if is_absent(image))
    if missing and not plan.allows_missing:
        raise MissingChannelError(
            f"This case lacks {', '.join(missing)}, and the plan was not made for that.",
            case=case_id,
            expected="images of " + ", ".join(channel.name for channel in plan.channels),
            got=f"none of {', '.join(missing)}",
            remedy="Add the images, or plan with --allow_missing_channels (--overwrite) and train "
            "again.",
        )
    if missing and lacks_anatomy(plan.channels, missing):
        raise MissingChannelError(
            "No channel is left of this case that shows the patient.",
            case=case_id,
            expected="an image of one mri, ct or pet channel or more that the network sees",
            got=f"none of {', '.join(missing)}",
            remedy="Add such an image, or leave the case out.",
        )
    return missing


def _region(
    images: Images,
    grid: Grid,
    channels: _Channels,
    plan: Plan,
    mask: Mask | None,
    case_id: str,
) -> Region:
    """The region of a case; an error names the case."""
    kinds = [channel.kind for channel in channels]
    try:
        return case_region(images, kinds, grid.spacing, plan.region, mask)
    except DatasetError as error:
        raise error.with_parts(case=case_id) from error


def _refuse_flat(images: list[Image], mask: Mask, region: str, plan: Plan, case_id: str) -> None:
    """Pictures that show nothing of the patient: a z-score makes zeros of them."""
    for image, channel in zip(images, plan.channels, strict=True):
        if not KINDS[channel.kind].is_anatomy or is_absent(image):
            continue
        low = float(image.min(where=mask, initial=np.inf))
        if low == float(image.max(where=mask, initial=-np.inf)):
            raise DatasetError(
                f"Channel {channel.name} has one value in all voxels of the region.",
                case=case_id,
                expected=f"an image with more than one value inside the region ({region})",
                got=f"{low:g} in {np.count_nonzero(mask)} voxels",
                remedy="Export the image again, and look at the mask, if there is one.",
            )


def _voxel_hashes(images: Images, channels: _Channels) -> dict[str, str]:
    """Hashes of images that are there and not constant: all empty masks would share one."""
    return {
        channel.name: voxel_hash(image)
        for image, channel in zip(images, channels, strict=True)
        if not is_absent(image) and image.min() != image.max()
    }


def _chosen(images: Images, channels: _Channels, plan: Plan, case_id: str) -> list[Image]:
    """The images of the plan's channels, in its order."""
    by_name = {channel.name: image for channel, image in zip(channels, images, strict=True)}
    missing = [channel.name for channel in plan.channels if channel.name not in by_name]
    if missing:
        raise DatasetError(
            "Channels that the plan needs are not among the images.",
            case=case_id,
            expected=", ".join(channel.name for channel in plan.channels),
            got=", ".join(by_name),
        )
    return [by_name[channel.name] for channel in plan.channels]


def _channels(
    images: list[Image], way: ResamplingRoute, there: Mask, plan: Plan
) -> Iterator[Image]:
    for image, channel in zip(images, plan.channels, strict=True):
        # No name for what is made: it would live on while the next channel is made.
        yield _channel(image, way, there, channel, plan.input_size)


def _channel(
    image: Image, way: ResamplingRoute, there: Mask, plan: ChannelPlan, size: Shape
) -> Image:
    if is_absent(image):
        return np.full(size, ABSENT)
    # No dose was computed beyond its grid; a picture goes on with what surrounds the patient.
    outside = 0.0 if KINDS[plan.kind].has_fixed_intensities else background(image)
    resampled = way.image(image, plan.interpolation, outside)
    return fit(normalise(resampled, there, plan.normalisation), size)


def _check(images: Images, grid: Grid, channels: _Channels, case_id: str) -> None:
    expected = (len(channels), *grid.shape)
    if images.shape != expected:
        raise DatasetError(
            "The images do not fit the channels and their grid.",
            case=case_id,
            expected=f"{expected}: {', '.join(channel.name for channel in channels)}",
            got=images.shape,
        )
    for image, channel in zip(images, channels, strict=True):
        n_wrong = image.size - int(np.count_nonzero(np.isfinite(image)))
        if n_wrong and not is_absent(image):
            raise DatasetError(
                f"Channel {channel.name} has voxels that are not numbers.",
                case=case_id,
                expected="finite voxels",
                got=f"{n_wrong} NaN or infinite voxels",
                remedy="Export the image again, or set these voxels to 0.",
            )


def _warnings(shape: tuple[int, ...], plan: Plan, images: list[Image]) -> tuple[str, ...]:
    warnings = []
    if any(have > want for have, want in zip(shape, plan.input_size, strict=True)):
        warnings.append(
            f"the region of {shape} voxels is larger than the input and was cut at its rim"
        )
    for image, channel in zip(images, plan.channels, strict=True):
        if KINDS[channel.kind].is_dose and image.min() < 0:
            n_negative = int(np.count_nonzero(image < 0))
            warnings.append(f"{channel.name}: {n_negative} negative voxels were set to 0 Gy")
    return tuple(warnings)
