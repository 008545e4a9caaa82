"""One patient from files to what the networks see.

ITK decodes each image once, for the check and the preprocessing alike. The bytes are hashed before,
for `--continue`, and streamed by the check, which sees what ITK hides (truncated files, NaN).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.regular import is_missing
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.inference.advice import remedy_of
from ricenet_v2.inference.given_channels import crop_error
from ricenet_v2.inference.lesions import mask_in
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import mask_name
from ricenet_v2.store.masks import no_mask


@dataclass(frozen=True)
class NewPatient:
    """The files that the prediction of a patient rests on, whether or not the images exist.

    Attributes:
        case_id: The case.
        channels: Channels of the images, in the order of the dataset.
        images: Images that the networks see and those that decide the crop.
        mask: Mask that decides the region, where there is one.
        allow_any_size: Whether any size is allowed, as the dataset of training says.
        absent: Indices of the channels that the patient lacks, where the networks allow that.
    """

    case_id: str
    channels: tuple[Channel, ...]
    images: tuple[Path, ...]
    mask: Path | None
    allow_any_size: bool = False
    absent: tuple[int, ...] = ()


@dataclass(frozen=True)
class PreparedPatient:
    """Input of the networks, axes (channels, z, y, x), with its record."""

    array: NDArray[np.float32]
    record: PreprocessedCase


def files_of(
    ensemble: Ensemble, case_id: str, images: tuple[Path, ...], masks: tuple[Path, ...]
) -> NewPatient:
    """Files of a patient that are used.

    Args:
        ensemble: The networks.
        case_id: The case.
        images: One path per channel of the dataset.
        masks: Folders of CASE_brain or CASE_lesion files, in the order in which they count.
    """
    region, ending = ensemble.plan.region, ensemble.dataset.file_ending
    name = mask_name(region)
    mask = mask_in(masks, case_id, name, ending) if name else None
    # What a region needs is kept: its error names the file.
    if mask is not None and region is None and is_missing(mask):
        mask = None
    needed = ensemble.needed(has_mask=mask is not None)
    absent = [at for at, index in enumerate(needed) if is_missing(images[index])]
    return NewPatient(
        case_id,
        tuple(ensemble.dataset.channels[index] for index in needed),
        tuple(images[index] for index in needed),
        mask,
        ensemble.dataset.allow_any_size,
        tuple(absent) if ensemble.plan.allows_missing else (),
    )


def hash_of(patient: NewPatient, plan: Plan) -> str:
    """SHA-256 over the content of the files and the plan; empty where a file cannot be read."""
    try:
        return inputs_hash(patient.images, patient.mask, plan, patient.absent)
    except OSError:
        return ""


def prepare(plan: Plan, patient: NewPatient) -> PreparedPatient:
    """Check, read and preprocess a patient as a plan says.

    Raises:
        RegionError: There is no mask that the region of the plan needs.
        MissingChannelError: A channel is missing for which the networks were not trained, or none
            is left that shows the patient.
        DatasetError: A file has an error that the check of a dataset would find,
            e.g. its end is cut off, which ITK reads as zeros.
    """
    _refuse_missing_mask(plan, patient)
    if not plan.allows_missing:
        _refuse_another_crop(plan, patient)
    # Before reading: a file that changes meanwhile is then predicted again.
    made_of = hash_of(patient, plan)
    case_id = patient.case_id
    checked = check_case(
        Case(case_id, case_id, label=""),
        patient.channels,
        patient.images,
        patient.mask,
        straighten=plan.straighten,
        allow_any_size=patient.allow_any_size,
        mask_name=mask_name(plan.region) or "brain",
        absent=patient.absent,
    )
    images, grid = checked.sound(case_id, remedy_of)
    array, record = preprocess(
        images, grid, plan, case_id, checked.brain, made_of, patient.channels
    )
    warnings = (*_doubts(checked.findings), *record.warnings)
    return PreparedPatient(array, dataclasses.replace(record, warnings=warnings))


def _refuse_missing_mask(plan: Plan, patient: NewPatient) -> None:
    name = "" if plan.region is None else plan.region.mask
    if name and (patient.mask is None or is_missing(patient.mask)):
        remedy = (
            f"The training cases were cropped to their {name} masks. Put that of this patient "
            "there, or specify the folder where it lies with --masks."
        )
        raise no_mask(patient.case_id, name, patient.mask, remedy)


def _refuse_another_crop(plan: Plan, patient: NewPatient) -> None:
    """A channel that the networks do not see may be missing where it does not decide the crop."""
    seen = {channel.name for channel in plan.channels}
    unseen = {
        channel.name: path
        for channel, path in zip(patient.channels, patient.images, strict=True)
        if channel.name not in seen
    }
    missing = [path.name for path in unseen.values() if is_missing(path)]
    if missing:
        raise crop_error(
            patient.case_id,
            [channel.name for channel in patient.channels],
            plan.region,
            got=f"no file {', '.join(missing)}",
        )


def _doubts(findings: tuple[Finding, ...]) -> list[str]:
    """Warnings of the check; preprocessing itself reports what it did with negative doses."""
    return [
        f"{finding.file}: {finding.check}, {finding.found}"
        for finding in findings
        if finding.check != "negative dose"
    ]
