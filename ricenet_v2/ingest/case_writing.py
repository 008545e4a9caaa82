"""A converted case on disk: images, masks, and what they were made of, which is written last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.abandoned_threads import unless_left_behind
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.ingest.case_conversion import ConvertedCase
from ricenet_v2.ingest.case_inputs import CaseInputs
from ricenet_v2.ingest.convert_options import ConvertOptions, settings_of
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import image_path, images_folder, mask_path, masks_folder

PROVENANCE, PICTURES = "provenance", "qc"
ENDING = ".nii.gz"
CaseDrawing = Callable[[ConvertedCase, Path], None]
"""Writes the picture of a case as a PNG file."""


def provenance_path(folder: Path, case_id: str) -> Path:
    """Path of the provenance of a case."""
    return folder / PROVENANCE / f"{case_id}.json"


def made_of(inputs: CaseInputs, pseudonyms: Pseudonyms, options: ConvertOptions) -> str:
    """Keyed hash of all that the voxels of a case depend on.

    Raises:
        OSError: A file cannot be read.
    """
    plans = [
        (len(plan.doses), plan.file is None, plan.factor, plan.fractions, plan.prescription_gy)
        + ((plan.unit, inputs.dose_over) if plan.unit else ())
        for plan in inputs.plans
    ]
    images = [(image.channel, image.kind, len(image.files)) for image in inputs.images]
    settings = settings_of(options, has_mask=inputs.brain is not None)
    of_row = (settings, inputs.split, inputs.lesion_roi, inputs.brain is None)
    parts = [repr(of_row), repr(images), repr(plans)]
    parts += ["a mask of the lesion"] if inputs.lesion is not None else []
    parts += [sha256_of_file(file) for file in inputs.files]
    return pseudonyms.digest("\n".join(parts).encode("utf-8", "surrogateescape"))


def stored_case(folder: Path, case_id: str) -> CaseProvenance | None:
    """Provenance of an existing case; None if there is none, or none that can be read."""
    path = provenance_path(folder, case_id)
    try:
        return documents.read(CaseProvenance, path) if path.exists() else None
    except RicenetError:
        return None


def is_whole(folder: Path, stored: CaseProvenance) -> bool:
    """Whether all files of a case are as they were written."""
    try:
        return bool(stored.outputs) and all(
            sha256_of_file(folder / name) == digest for name, digest in stored.outputs.items()
        )
    except OSError:
        return False


def picture_path(folder: Path, case_id: str) -> Path:
    """Path of the quality-control picture of a converted case."""
    return folder / PICTURES / f"{case_id}.png"


def write_case(
    folder: Path, case: ConvertedCase, hashed: str, draw: CaseDrawing | None = None
) -> CaseProvenance:
    """Write a case in the place of an earlier one.

    Args:
        folder: Raw dataset.
        case: The case.
        hashed: Hashes of its sources.
        draw: Writes its picture.

    Raises:
        DiskFullError: There is no room.
        LateError: The case was given up, and reported as failed.
    """
    case_id, split = case.provenance.case_id, case.provenance.split
    before = stored_case(folder, case_id)
    # First of all: by it a folder is known as that of a conversion that was interrupted.
    (folder / PROVENANCE).mkdir(parents=True, exist_ok=True)
    paths = []
    numbers = case.numbers or tuple(range(len(case.channels)))
    for at, voxels in zip(numbers, case.channels, strict=True):
        path = image_path(images_folder(folder, split), case_id, at, ENDING)
        write_image(path, voxels, case.grid)
        paths.append(path)
    for name, mask in case.masks.items():
        path = mask_path(masks_folder(folder, split), case_id, name, ENDING)
        write_image(path, mask, case.grid)
        paths.append(path)
    if draw is not None:
        paths.append(picture_path(folder, case_id))
        draw(case, paths[-1])
    outputs = {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in paths}
    # Of another split, or a mask that is no longer wanted. They go before the record of the case
    # is written, behind which a case that was interrupted is not looked at again.
    for name in set(before.outputs if before else ()) - set(outputs):
        with unless_left_behind():
            (folder / name).unlink(missing_ok=True)
    provenance = replace(case.provenance, made_of=hashed, outputs=outputs)
    documents.write(provenance_path(folder, case_id), provenance)
    return provenance
