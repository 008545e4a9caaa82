"""One case as it is explained: what the networks see, and the masks that maps are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.explanation.space import Space
from ricenet_v2.fingerprinting.region import foreground
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.inference.patient import files_of, prepare
from ricenet_v2.preprocessing.pipeline import TOLERANCE_MM, load_case
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel
from ricenet_v2.report.case.isodose import full_dose
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import mask_path

Region = Literal["brain", "image"]
Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Subject:
    """A case; what is on the network's voxels has the axes (z, y, x) of its input.

    Attributes:
        case_id: The case.
        patient_id: Who it is of.
        covariates: Of cases.csv, where it lies beside the images.
        array: Preprocessed images (channels of the plan, z, y, x).
        record: What stands beside them.
        space: The way back to the images.
        region: Voxels that are explained.
        brain: Brain mask, or the voxels that are not zero.
        dose: Gy; None without a dose channel.
        full: What 100 % of the dose is: Gy, and in words.
        lesion: Where there is a mask of it.
        channels: Of `images`.
        images: As they are, LPS, on the grid of the case.
        lesion_images: The lesion on that grid.
        brain_images: The brain on that grid.
        files: Of the images; the first one's axes are those of the maps on disk.
        warnings: In words.
        title: How progress names it, e.g. `p3 (case 2 of 7)`.
    """

    case_id: str
    patient_id: str
    covariates: Mapping[str, str]
    array: Image
    record: PreprocessedCase
    space: Space
    region: Mask
    brain: Mask
    dose: Image | None
    full: tuple[float, str] | None
    lesion: Mask | None
    channels: tuple[Channel, ...]
    images: tuple[Image, ...]
    lesion_images: Mask | None
    brain_images: Mask
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    title: str


def read_subject(
    ensemble: Ensemble,
    case_id: str,
    paths: tuple[Path, ...],
    masks: Path | None,
    region: Region,
    patient_id: str = "",
    covariates: Mapping[str, str] | None = None,
) -> Subject:
    """Check, read and preprocess a case, as prediction does.

    Args:
        ensemble: The networks.
        case_id: The case.
        paths: One image per channel of the dataset.
        masks: Folder of CASE_brain and CASE_lesion files.
        region: `brain` explains the brain only, `image` all that the network sees.
        patient_id: Who it is of; the case id where empty.
        covariates: Of the case.

    Raises:
        DatasetError: A file is missing or unusable, or the lesion lies outside of the image.
        GeometryError: A mask lies on another grid.
    """
    patient = files_of(ensemble, case_id, paths, masks)
    made = prepare(ensemble, patient)
    space = Space.of(made.record, ensemble.plan)
    wanted = _shown(ensemble, patient.images, paths)
    images, grid, brain = load_case([paths[n] for n in wanted], patient.brain)
    channels = tuple(ensemble.dataset.channels[n] for n in wanted)
    there, _ = foreground(images, [channel.kind for channel in channels], brain)
    inside = space.mask_to_network(there)
    lesion, doubts = _lesion(masks, case_id, ensemble.dataset.file_ending, grid)
    doses = [image for image, one in zip(images, channels, strict=True) if one.kind == "dose"]
    covariates = covariates or {}
    return Subject(
        case_id=case_id,
        patient_id=patient_id or case_id,
        covariates=covariates,
        array=made.array,
        record=made.record,
        space=space,
        region=inside if region == "brain" else np.ones_like(inside),
        brain=inside,
        dose=space.to_network(np.maximum(doses[0], 0), "linear") if doses else None,
        full=full_dose(covariates, doses[0]) if doses and doses[0].max() > 0 else None,
        lesion=None if lesion is None else space.mask_to_network(lesion),
        channels=channels,
        images=tuple(images),
        lesion_images=lesion,
        brain_images=there,
        files=tuple(paths[n] for n in wanted),
        warnings=(*made.record.warnings, *doubts),
        title=case_id,
    )


def _shown(ensemble: Ensemble, needed: tuple[Path, ...], paths: tuple[Path, ...]) -> list[int]:
    """Channels that count, and a dose that the networks do not see: bands are measured by it."""
    kinds = [channel.kind for channel in ensemble.dataset.channels]
    return [
        n
        for n, path in enumerate(paths)
        if path in needed or (kinds[n] == "dose" and path.is_file())
    ]


def _lesion(
    masks: Path | None, case_id: str, ending: str, grid: Grid
) -> tuple[Mask | None, tuple[str, ...]]:
    """The lesion's mask, and what is to be said of it."""
    path = None if masks is None else mask_path(masks, case_id, "lesion", ending)
    if path is None or not path.is_file():
        return None, ()
    voxels, own = read_image(path)
    if own.shape != grid.shape or own.distance(grid) > TOLERANCE_MM:
        raise GeometryError(
            "The lesion mask does not lie on the grid of the images.",
            case=case_id,
            file=path,
            expected=grid,
            got=own,
            remedy="Resample the mask onto the grid of the first channel.",
        )
    if not np.isfinite(voxels).all():
        raise DatasetError("The lesion mask has voxels that are not numbers.", file=path)
    mask = voxels > 0.5
    return (mask, ()) if mask.any() else (None, ("the lesion mask is empty",))
