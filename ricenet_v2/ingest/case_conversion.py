"""The files of a case -> channels and masks on one grid, each resampled once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.brain_masks import brain_region
from ricenet_v2.ingest.case_dose import frame_of, prescribed, read_plans, summed, total_dose
from ricenet_v2.ingest.case_inputs import CaseInputs
from ricenet_v2.ingest.case_space import CaseSpace, head_of, transforms_of
from ricenet_v2.ingest.convert_options import ConvertOptions, settings_of
from ricenet_v2.ingest.misfit import MisfitPair
from ricenet_v2.ingest.resampling import moved_grid, resample, resample_mask
from ricenet_v2.ingest.source_images import read_source
from ricenet_v2.ingest.structures import read_structures, structure_mask
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.manifest import DOSE
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, PRESCRIPTION_COLUMNS
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.voxels.volumes import millilitres


@dataclass(frozen=True)
class BridgeImage:
    """An image that a dose or structures came over; it is shown, and not part of the dataset.

    Attributes:
        name: `planning CT`.
        kind: Kinds of the channels.
        voxels: float32, array axes (z, y, x), on the grid of the reference.
    """

    name: str
    kind: ChannelKind
    voxels: Image = field(repr=False)


@dataclass(frozen=True)
class ConvertedCase:
    """A case as it is written.

    Attributes:
        channels: float32, array axes (z, y, x), one array a channel.
        masks: Masks by name, of the same shape.
        grid: Grid of all images and masks.
        provenance: Provenance of the images; without hashes.
        bridges: Images that others came over.
        numbers: Numbers of the channels in the dataset; their order if none is missing.
    """

    channels: tuple[Image, ...] = field(repr=False)
    masks: dict[str, Mask] = field(repr=False)
    grid: Grid
    provenance: CaseProvenance
    bridges: tuple[BridgeImage, ...] = ()
    numbers: tuple[int, ...] = ()


def convert_case(inputs: CaseInputs, options: ConvertOptions | None = None) -> ConvertedCase:
    """Read all files of a case and bring them onto the grid of its first image.

    Args:
        inputs: Inputs of the case.
        options: Options of the conversion.

    Raises:
        DatasetError: A file cannot be read or used, or an image does not fit the reference.
    """
    chosen = options or ConvertOptions()
    source, *others = inputs.images
    reference = read_source(source)
    region = brain_region(inputs.brain, reference, source, chosen)
    brain = region.mask
    inside = brain if region.is_brain else head_of(reference.voxels, brain)
    known = transforms_of(inputs.registrations)
    space = CaseSpace(reference, source, inside, known, chosen)
    warnings = [*_other_reference(inputs), *reference.notes]
    channels = [reference.voxels]
    for each in others:
        placed = space.place(each)
        transform = placed.transform.of_simpleitk()
        channels.append(
            resample(placed.volume.voxels, placed.volume.grid, reference.grid, transform)
        )
        warnings += [f"{each.channel}: {note}" for note in placed.volume.notes]
    is_stripped = region.is_brain and not chosen.keep_head
    if is_stripped:
        channels = [
            _stripped(voxels, brain, image.kind)
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
        brain=region.source,
        brain_ml=round(millilitres(brain, reference.grid.spacing), 1),
        is_stripped=is_stripped,
        registered=(),
        settings=settings_of(chosen, has_mask=inputs.brain is not None),
        missing=inputs.missing,
    )
    masks = {"brain": brain}
    case = ConvertedCase(tuple(channels), masks, reference.grid, provenance)
    if inputs.plans:
        case = _with_dose(case, inputs, space, warnings, chosen.eqd2)
    if inputs.structures is not None or inputs.lesion is not None:
        masks["lesion"] = _lesion(inputs, space, reference.grid)
    return replace(
        case,
        bridges=tuple(_bridges(inputs, space, brain if is_stripped else None)),
        numbers=inputs.numbers,
        provenance=replace(
            case.provenance,
            registered=tuple(space.records),
            warnings=tuple(dict.fromkeys(warnings)),
        ),
    )


def misfit_case(inputs: CaseInputs, pair: MisfitPair) -> ConvertedCase:
    """Two images of which one was refused, as a case that can be drawn.

    It holds whole heads, and is to be seen by those alone who may see the studies.

    Args:
        inputs: Inputs of the case.
        pair: Both images.
    """
    provenance = CaseProvenance(
        case_id=inputs.case_id,
        patient_id=inputs.patient_id,
        label=inputs.label,
        split=inputs.split,
        covariates={},
        channels=(inputs.images[0].channel, pair.record.name),
        kinds=(pair.kind, pair.other_kind),
        brain="where the checks looked",
        is_stripped=False,
        registered=(pair.record,),
    )
    images = (pair.reference.voxels, pair.voxels)
    return ConvertedCase(images, {"brain": pair.inside}, pair.reference.grid, provenance)


def _other_reference(inputs: CaseInputs) -> list[str]:
    """A warning in words where the reference of the other cases is missing."""
    if not any(inputs.numbers[:1]):
        return []
    masks = {"brain": inputs.brain, "lesion": inputs.lesion}
    given = " and ".join(name for name, mask in masks.items() if mask is not None)
    note = f"{inputs.missing[0]} is missing, so {inputs.images[0].channel} is the reference"
    return [f"{note}, in whose coordinates the mask of {given} must lie" if given else note]


def _stripped(voxels: Image, brain: Mask, kind: ChannelKind) -> Image:
    stripped: Image = np.where(brain, voxels, np.float32(KINDS[kind].outside))
    return stripped


def _bridges(inputs: CaseInputs, space: CaseSpace, brain: Mask | None) -> Iterator[BridgeImage]:
    """Planning CTs that were placed; within the brain alone where there is a mask of it."""
    grid = space.reference.grid
    for placed in space.placed:
        source, transform = placed.source, placed.transform.of_simpleitk()
        if source in inputs.images:
            continue
        voxels = resample(placed.volume.voxels, placed.volume.grid, grid, transform)
        if brain is not None:
            voxels = _stripped(voxels, brain, source.kind)
        yield BridgeImage(source.channel, source.kind, voxels)


def _with_dose(
    case: ConvertedCase,
    inputs: CaseInputs,
    space: CaseSpace,
    warnings: list[str],
    alpha_beta: float | None,
) -> ConvertedCase:
    plans = read_plans(inputs.plans)
    cts = inputs.planning_cts
    if any(source.is_image for source in inputs.plans):
        grids = [plan.grid for plan in plans]
        transform = space.place_on_image(DOSE, grids, inputs.dose_over, cts)
    else:
        frame = frame_of(plans)
        transform = space.place_frame(DOSE, frame, cts)
        warnings += filter(None, [space.look_at(frame, cts)])
    total = total_dose(plans, case.grid, transform, alpha_beta)
    warnings += [note for plan in plans for note in plan.notes]
    warnings += total.notes
    brain = case.masks["brain"]
    covered = float(total.inside[brain].mean())
    if covered < 1:
        warnings.append(f"{1 - covered:.1%} of the brain lies outside of the grid of the dose")
    if not brain.flat[int(total.gy.argmax())]:
        warnings.append("the maximum of the dose lies outside of the brain")
    covariates = {
        **case.provenance.covariates,
        FRACTIONS_COLUMN: str(sum(plan.fractions for plan in plans)),
    }
    known = [gy for plan in plans if (gy := prescribed(plan, alpha_beta)) is not None]
    if len(known) == len(plans):
        covariates[PRESCRIPTION_COLUMNS[0]] = f"{sum(known):.6g}"
    provenance = replace(
        case.provenance,
        covariates=covariates,
        channels=(*case.provenance.channels, DOSE),
        kinds=(*case.provenance.kinds, DOSE),
        plans=tuple(summed(plan) for plan in plans),
        dose_covered=covered,
        dose_max_gy=round(float(total.gy.max()), 2),
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
