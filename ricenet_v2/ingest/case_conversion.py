"""The files of a case -> channels and masks on one grid, each resampled once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.case_dose import frame_of, read_plans, summed, total_dose
from ricenet_v2.ingest.case_inputs import CaseInputs, ImageSource
from ricenet_v2.ingest.case_space import CaseSpace, head_of, read_source, transforms_of
from ricenet_v2.ingest.checks import check_brain
from ricenet_v2.ingest.resampling import moved_grid, resample, resample_mask
from ricenet_v2.ingest.structures import read_structures, structure_mask
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, PRESCRIPTION_COLUMNS
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.voxels.foreground import foreground

DOSE = "dose"
_OUTSIDE = {"ct": -1000.0}
"""What stands outside of the brain: air in HU, else 0."""
_GIVEN = "given"


@dataclass(frozen=True)
class ConvertedCase:
    """A case as it is written.

    Attributes:
        channels: float32, array axes (z, y, x), one array a channel.
        masks: By name, of the same shape.
        grid: Of all.
        provenance: What they were made of; without hashes.
    """

    channels: tuple[Image, ...] = field(repr=False)
    masks: dict[str, Mask] = field(repr=False)
    grid: Grid
    provenance: CaseProvenance


def convert_case(inputs: CaseInputs, *, keep_head: bool = False) -> ConvertedCase:
    """Read all files of a case and bring them onto the grid of its first image.

    Args:
        inputs: Of the case.
        keep_head: Whether voxels outside of a brain mask are kept.

    Raises:
        DatasetError: A file cannot be read or used, or an image does not fit the reference.
    """
    source, *others = inputs.images
    reference = read_source(source)
    brain, rule = _brain(inputs.brain, reference, source)
    inside = brain if rule == _GIVEN else head_of(reference.voxels, brain)
    transforms = transforms_of(inputs.registrations)
    space = CaseSpace(reference, source.kind, inside, transforms, source.channel)
    warnings = list(reference.notes)
    channels = [reference.voxels]
    for each in others:
        placed = space.place(each)
        transform = placed.transform.of_simpleitk()
        channels.append(
            resample(placed.volume.voxels, placed.volume.grid, reference.grid, transform)
        )
        warnings += [f"{each.channel}: {note}" for note in placed.volume.notes]
    is_stripped = rule == _GIVEN and not keep_head
    if is_stripped:
        channels = [
            np.where(brain, voxels, np.float32(_OUTSIDE.get(image.kind, 0)))
            for voxels, image in zip(channels, inputs.images, strict=True)
        ]
    else:
        warnings.append("voxels outside of the brain are kept: a face can be recognised")
    provenance = CaseProvenance(
        case_id=inputs.case_id,
        patient_id=inputs.patient_id,
        label=inputs.label,
        split=inputs.split,
        covariates=dict(inputs.covariates),
        channels=tuple(image.channel for image in inputs.images),
        kinds=tuple(image.kind for image in inputs.images),
        brain=rule,
        is_stripped=is_stripped,
        registered=(),
    )
    masks = {"brain": brain}
    case = ConvertedCase(tuple(channels), masks, reference.grid, provenance)
    if inputs.plans:
        case = _with_dose(case, inputs, space, warnings)
    if inputs.structures is not None or inputs.lesion is not None:
        masks["lesion"] = _lesion(inputs, space, reference.grid)
    return replace(
        case,
        provenance=replace(
            case.provenance,
            registered=tuple(space.records),
            warnings=tuple(dict.fromkeys(warnings)),
        ),
    )


def _brain(
    given: ImageSource | None, reference: ImageVolume, source: ImageSource
) -> tuple[Mask, str]:
    """Mask on the grid of the reference, and where it comes from."""
    if given is None:
        return foreground(reference.voxels[None], (source.kind,), None)
    mask = read_source(given)
    brain = resample_mask(mask.voxels > 0.5, mask.grid, reference.grid)
    check_brain(brain, reference.grid, given.files[0])
    return brain, _GIVEN


def _with_dose(
    case: ConvertedCase, inputs: CaseInputs, space: CaseSpace, warnings: list[str]
) -> ConvertedCase:
    plans = read_plans(inputs.plans)
    cts = inputs.planning_cts
    if any(source.unit for source in inputs.plans):
        grids = [plan.grid for plan in plans]
        transform = space.place_on_image(DOSE, grids, inputs.dose_over, cts)
    else:
        transform = space.place_frame(DOSE, frame_of(plans), cts)
    total = total_dose(plans, case.grid, transform)
    warnings += [note for plan in plans for note in plan.notes]
    warnings += total.notes
    brain = case.masks["brain"]
    covered = float(total.inside[brain].mean())
    if covered < 1:
        warnings.append(f"{1 - covered:.1%} of the brain lies outside of the grid of the dose")
    covariates = {
        **case.provenance.covariates,
        FRACTIONS_COLUMN: str(sum(plan.fractions for plan in plans)),
    }
    prescribed = [plan.prescription.gy for plan in plans]
    known = [gy for gy in prescribed if gy is not None]
    if len(known) == len(prescribed):
        covariates[PRESCRIPTION_COLUMNS[0]] = f"{sum(known):g}"
    provenance = replace(
        case.provenance,
        covariates=covariates,
        channels=(*case.provenance.channels, DOSE),
        kinds=(*case.provenance.kinds, DOSE),
        plans=tuple(summed(plan) for plan in plans),
        dose_covered=covered,
    )
    return replace(case, channels=(*case.channels, total.gy), provenance=provenance)


def _lesion(inputs: CaseInputs, space: CaseSpace, grid: Grid) -> Mask:
    if inputs.lesion is not None:  # in the coordinates of the reference, as the brain
        mask = read_source(inputs.lesion)
        return resample_mask(mask.voxels > 0.5, mask.grid, grid)
    if inputs.structures is None:
        raise DatasetError("This case has no structures.")
    structures = read_structures(inputs.structures)
    named = [each for each in structures if each.name == inputs.lesion_roi]
    if len(named) != 1:
        raise DatasetError(
            "The structures have no such region of interest, or several.",
            file=inputs.structures,
            expected="one of the name in lesion_roi",
            got=f"{len(named)} of {len(structures)} regions",
            remedy="Write lesion_roi as the column reason spells it.",
        )
    transform = space.place_frame("lesion", named[0].frame_of_reference, inputs.planning_cts)
    return structure_mask(named[0], moved_grid(grid, transform))
