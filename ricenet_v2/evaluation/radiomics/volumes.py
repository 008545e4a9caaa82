"""Volumes on which features are computed: channels and regions on voxels of 1 mm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Image, Mask, Shape, Triple
from ricenet_v2.preprocessing.resample import new_shape, resample
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.prescription import full_dose
from ricenet_v2.store.images import read_whole_image
from ricenet_v2.voxels.foreground import foreground

__all__ = [
    "BANDS",
    "LESION",
    "SPACING_MM",
    "FeatureVolumes",
    "LesionFiles",
    "band_names",
    "volumes_of",
]

SPACING_MM = 1.0
"""Size of the voxels that features are computed on, along all axes."""
LESION = "lesion"
BANDS = ((50, 80), (80, 95), (95, None))
"""Isodose bands in percent of the prescribed dose."""


@dataclass(frozen=True)
class LesionFiles:
    """Files of a case.

    Attributes:
        case: The row of cases.csv.
        channels: Channels of the dataset.
        images: One for each channel.
        lesion: Lesion mask.
        brain: Brain mask; None without.
    """

    case: Case
    channels: tuple[Channel, ...]
    images: tuple[Path, ...]
    lesion: Path
    brain: Path | None


@dataclass(frozen=True)
class FeatureVolumes:
    """Channels and regions of a case on voxels of `SPACING_MM`, axes (z, y, x).

    Attributes:
        channels: Voxels of each channel by name; those without a unit in standard deviations of the
            patient's foreground.
        regions: Masks of the regions by name, without bands that hold no voxel.
    """

    channels: dict[str, Image]
    regions: dict[str, Mask]


def band_names(channels: tuple[Channel, ...]) -> tuple[str, ...]:
    """Names of the isodose bands that cases of a dataset have; none without a dose."""
    doses = [channel.name for channel in channels if KINDS[channel.kind].is_dose]
    return tuple(_band_name(dose, low, high) for dose in doses for low, high in BANDS)


def _band_name(dose: str, low: int, high: int | None) -> str:
    return f"{dose} above {low} %" if high is None else f"{dose} {low} to {high} %"


def volumes_of(files: LesionFiles) -> FeatureVolumes:
    """Read a case, and bring its channels and regions to the voxels of the features.

    Masks are interpolated linearly and cut at one half, channels by the rule of their kind.

    Raises:
        DatasetError: The lesion mask is empty, on another grid, or smaller than a voxel.
        RicenetError: A file cannot be read.
    """
    read = [read_whole_image(path) for path in files.images]
    grid = read[0][1]
    images = np.stack([voxels for voxels, _ in read])
    patient, _ = foreground(
        images, [channel.kind for channel in files.channels], _mask(files.brain, grid.shape)
    )
    lesion = _mask(files.lesion, grid.shape)
    if lesion is None or not lesion.any():
        raise _no_lesion(files, "The lesion mask is empty.", "0 voxels above 0.5")
    shape = new_shape(grid.shape, grid.spacing, (SPACING_MM, SPACING_MM, SPACING_MM))
    regions = {LESION: _resampled(lesion, shape, grid.spacing)}
    if not regions[LESION].any():
        size = f"{int(lesion.sum())} voxels of {' x '.join(f'{s:g}' for s in grid.spacing)} mm"
        raise _no_lesion(files, f"The lesion is smaller than a voxel of {SPACING_MM:g} mm.", size)
    inside = _resampled(patient, shape, grid.spacing)
    channels: dict[str, Image] = {}
    for channel, image in zip(files.channels, images, strict=True):
        kind = KINDS[channel.kind]
        if kind.is_mask:
            continue
        fine = resample(image, shape, kind.interpolation, grid.spacing)
        if kind.is_dose:
            regions |= _bands(channel.name, fine, inside, files.case, image)
        else:
            channels[channel.name] = fine if kind.is_absolute else _scaled(fine, image, patient)
    return FeatureVolumes(channels, regions)


def _mask(path: Path | None, shape: Shape) -> Mask | None:
    if path is None:
        return None
    mask = read_whole_image(path)[0] > 0.5
    if mask.shape != shape:
        raise DatasetError(
            "A mask is not on the grid of the images.",
            file=path,
            expected=f"shape {shape} (z, y, x)",
            got=f"{mask.shape}",
            remedy="Draw or resample the mask on the images of this case.",
        )
    return mask


def _no_lesion(files: LesionFiles, what: str, got: str) -> DatasetError:
    return DatasetError(
        what,
        case=files.case.case_id,
        file=files.lesion,
        expected="the lesion, of which radiomic features are computed",
        got=got,
        remedy="Draw the lesion, take the case out of cases.csv, or leave out radiomics from "
        "--features.",
    )


def _resampled(mask: Mask, shape: Shape, spacing: Triple) -> Mask:
    fine: Mask = resample(mask.astype(np.float32), shape, "linear", spacing) >= 0.5
    return fine


def _scaled(fine: Image, image: Image, patient: Mask) -> Image:
    """The image in standard deviations of the patient's foreground, as networks see it."""
    inside = image[patient].astype(np.float64)
    deviation = float(inside.std()) or 1.0
    scaled: Image = ((fine - inside.mean()) / deviation).astype(np.float32)
    return scaled


def _bands(name: str, fine: Image, inside: Mask, case: Case, dose: Image) -> dict[str, Mask]:
    full = full_dose(case.covariates, dose)
    if full is None:
        return {}
    bands = {
        _band_name(name, low, high): inside
        & (fine >= full.gray * low / 100)
        & (True if high is None else fine < full.gray * high / 100)
        for low, high in BANDS
    }
    return {band: mask for band, mask in bands.items() if mask.any()}
