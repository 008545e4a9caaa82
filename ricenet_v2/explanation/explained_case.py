"""One case as it is explained: what the networks see, and the masks that maps are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ricenet_v2.core.deadline import within
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.regular import is_missing
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.explanation.masks import LESION, file_of, lesion_of, region_of
from ricenet_v2.explanation.space import Space
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.patient import NewPatient, files_of, prepare
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prescription import FullDose, full_dose
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.image_files import sha256_of_image
from ricenet_v2.store.images import read_grid
from ricenet_v2.voxels.region import case_region

BRAIN, IMAGE = "brain", "image"


@dataclass(frozen=True)
class SubjectFiles:
    """Source files of a case.

    Attributes:
        case_id: The case.
        paths: One image per channel of the dataset.
        masks: Folder of CASE_brain, CASE_lesion and CASE_region files.
        region: `brain` explains the brain only, or the region of the plan where it is another one,
            `image` all that the network sees, any other name
            the mask of that name.
        patient_id: Id of the patient; the case id if empty.
        covariates: Covariates of the case.
    """

    case_id: str
    paths: tuple[Path, ...]
    masks: Path | None
    region: str = BRAIN
    patient_id: str = ""
    covariates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A case; what is on the network's voxels has the axes (z, y, x) of its input.

    Attributes:
        case_id: The case.
        patient_id: Id of the patient.
        covariates: Covariates of cases.csv, where it lies beside the images.
        array: Preprocessed images (channels of the plan, z, y, x).
        record: Record of the preprocessed case.
        space: The way back to the images.
        region: Voxels that are explained.
        brain: Voxels of the patient by the region of the plan: the brain, the head or all.
        dose: Gy; None without a dose channel.
        full: The dose that counts as 100 %; None where there is no dose.
        lesion: Where there is a mask of it.
        channels: Channels of `images`.
        images: Images in their original intensities, LPS, on the grid of the case.
        lesion_images: The lesion on that grid.
        brain_images: The same on that grid, as far as they are cropped to.
        files: Files of the images; the first one's axes are those of the maps on disk.
        warnings: Warnings, as texts.
        title: Name in the progress display, e.g. `p3 (case 2 of 7)`.
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
    full: FullDose | None
    lesion: Mask | None
    channels: tuple[Channel, ...]
    images: tuple[Image, ...]
    lesion_images: Mask | None
    brain_images: Mask
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    title: str


def read_subject(ensemble: Ensemble, files: SubjectFiles, seconds: float | None = None) -> Subject:
    """Check, read and preprocess a case, as prediction does.

    Args:
        ensemble: The networks.
        files: Files of the case.
        seconds: Time limit in seconds; no limit where None.

    Raises:
        DatasetError: A file is missing or unusable.
        GeometryError: A mask lies on another grid, or the region outside of what networks see.
        LateError: It takes longer.
    """
    masks = () if files.masks is None else (files.masks,)
    patient = files_of(ensemble, files.case_id, files.paths, masks)
    # Without the networks, which another process would have to load.
    subject = within(seconds, _read, ensemble.plan, ensemble.dataset, patient, files)
    ensemble.check_labels(subject.record)
    return subject


def _read(plan: Plan, dataset: Dataset, patient: NewPatient, files: SubjectFiles) -> Subject:
    case_id, paths, masks = files.case_id, files.paths, files.masks
    prepared = prepare(plan, patient)
    space = Space.of(prepared.record, plan)
    extra, no_dose = _doses_beside(dataset, patient.images, paths, space.grid)
    indices = [n for n, path in enumerate(paths) if path in (*patient.images, *extra)]
    # A channel that the patient lacks is shown nowhere.
    lacking = {patient.images[at] for at in patient.absent}
    indices = [n for n in indices if paths[n] not in lacking]
    images, grid, mask = load_case([paths[n] for n in indices], patient.mask)
    channels = tuple(dataset.channels[n] for n in indices)
    kinds = [channel.kind for channel in channels]
    patient_region = case_region(images, kinds, grid.spacing, plan.region, mask)
    inside = space.mask_to_network(patient_region.patient)
    ending = dataset.file_ending
    lesion = lesion_of(file_of(masks, case_id, LESION, ending), case_id, grid, space)
    explained = {BRAIN: inside, IMAGE: np.ones_like(inside)}.get(files.region)
    if explained is None:
        explained = region_of(masks, case_id, files.region, ending, grid, space)
    doses = [
        image
        for image, channel in zip(images, channels, strict=True)
        if KINDS[channel.kind].is_dose
    ]
    return Subject(
        case_id=case_id,
        patient_id=files.patient_id or case_id,
        covariates=files.covariates,
        array=prepared.array,
        record=prepared.record,
        space=space,
        region=explained,
        brain=inside,
        dose=space.to_network(np.maximum(doses[0], 0), "linear") if doses else None,
        full=full_dose(files.covariates, doses[0]) if doses else None,
        lesion=lesion.seen,
        channels=channels,
        images=tuple(images),
        lesion_images=lesion.images,
        brain_images=patient_region.inside,
        files=tuple(paths[n] for n in indices),
        warnings=(*prepared.record.warnings, *no_dose, *lesion.doubts),
        title=case_id,
    )


def _doses_beside(
    dataset: Dataset, needed: tuple[Path, ...], paths: tuple[Path, ...], grid: Grid
) -> tuple[list[Path], list[str]]:
    """Doses that the networks do not see, by which bands are measured; and why some cannot be."""
    doses, doubts = [], []
    for channel, path in zip(dataset.channels, paths, strict=True):
        if not KINDS[channel.kind].is_dose or path in needed or is_missing(path):
            continue
        try:
            dose_grid = read_grid(path)
            fits = dose_grid.matches(grid)
        except Exception:  # noqa: BLE001 - reported as a dose that does not fit
            fits = False
        if fits:
            doses.append(path)
        else:
            doubts.append(
                f"{path.name} does not lie on the grid of the images: the networks do not see it, "
                "and shares by dose are left out"
            )
    return doses, doubts


def beside_hash(dataset: Dataset, files: SubjectFiles) -> str:
    """SHA-256 over what decides a case's values beside the images that the networks see.

    These are the masks of lesion and region, doses, patient and covariates. Empty where a file
    cannot be read.
    """
    ending, kinds = dataset.file_ending, [channel.kind for channel in dataset.channels]
    named = {
        name: file_of(files.masks, files.case_id, name, ending) for name in (LESION, files.region)
    }
    named |= {path.name: path for n, path in enumerate(files.paths) if KINDS[kinds[n]].is_dose}
    try:
        hashes = [
            f"{name} {sha256_of_image(path)}"
            for name, path in sorted(named.items())
            if path is not None and not is_missing(path)
        ]
    except OSError:
        return ""
    facts = [f"{name} {value}" for name, value in sorted(files.covariates.items())]
    return sha256_of_text("\n".join([*hashes, files.patient_id, *facts]))
