"""Doses of a plan -> the dose of its whole delivery; doses of plans -> their sum.

The words of DoseSummationType say what the files are parts of; the numbers say whether they are of
one fraction (`fractions.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.dose import DoseType, DoseVolume, Summation
from ricenet_v2.ingest.fractions import (
    FactorChoice,
    check_maximum,
    choose_factor,
    eqd2,
    listed,
    near_maximum,
)
from ricenet_v2.ingest.resampling import field_of_view, resample
from ricenet_v2.ingest.treatment_plan import Prescription, TreatmentPlan, prescription_of_plan

_WHOLE: tuple[Summation, ...] = ("PLAN", "MULTI_PLAN")
_PARTS: tuple[Summation, ...] = (
    "FRACTION",
    "BEAM",
    "FRACTION_SESSION",
    "BEAM_SESSION",
    "CONTROL_POINT",
)
"""Each is left out where one before it, or a whole dose, is there."""
_OF_A_SESSION = ("FRACTION_SESSION", "BEAM_SESSION", "CONTROL_POINT")


@dataclass(frozen=True)
class GivenDoseRules:
    """Information on a dose given by a person; it overrides the files.

    Attributes:
        prescription_gy: Prescription in Gy of the plan.
        times_fractions: Whether the dose is multiplied by the number of fractions.
    """

    prescription_gy: float | None = None
    times_fractions: bool | None = None


@dataclass(frozen=True)
class PlanDose:
    """The dose of the whole delivery of a plan.

    Attributes:
        gy: float32, array axes (z, y, x).
        grid: Where it lies.
        dose_type: EFFECTIVE is never summed with PHYSICAL.
        frame_of_reference: UID; empty where it is not known.
        prescription: Prescription of the plan.
        fractions: Fractions of the plan.
        factor: Why the dose is multiplied by the fractions, or not.
        notes: Warnings, and what was done, in words.
    """

    gy: Image
    grid: Grid
    dose_type: DoseType
    frame_of_reference: str
    prescription: Prescription
    fractions: int
    factor: FactorChoice
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TotalDose:
    """The sum of plans on a reference grid.

    Attributes:
        gy: float32, array axes (z, y, x); 0 outside of every dose's grid.
        inside: Voxels that lie inside the grid of every dose.
        notes: Warnings, in words.
    """

    gy: Image
    inside: Mask
    notes: tuple[str, ...] = ()


def dose_of_plan(
    doses: Sequence[DoseVolume],
    plan: TreatmentPlan,
    given: GivenDoseRules | None = None,
) -> PlanDose:
    """Join the doses of a plan.

    Raises:
        DatasetError: A dose is of another plan or frame of reference, parts are missing or occur
            twice, or it is ambiguous whether it is that of one fraction.
    """
    given = given or GivenDoseRules()
    _check_of_plan(doses, plan)
    used, summation = _used(doses, plan)
    grid = used[0].grid
    weights = [_fractions_of(dose, plan) for dose in used]
    parts = [resample(dose.gy, dose.grid, grid) for dose in used]
    once, times_n = _sum(parts, [1] * len(parts)), _sum(parts, weights)
    prescription = prescription_of_plan(
        plan, given.prescription_gy, is_needed=given.times_fractions is None
    )
    factor = _factor(once, times_n, grid, prescription, plan, given)
    gy = times_n if factor.times_fractions else once
    notes = [note for dose in used for note in dose.notes]
    left_out = len(doses) - len(used)
    if left_out:
        notes.append(f"{left_out} doses of parts left out beside {summation}")
    if (summation in _OF_A_SESSION) != factor.times_fractions and plan.fractions > 1:
        by = plan.fractions if factor.times_fractions else 1
        notes.append(f"the header says {summation}, the numbers say times {by}")
    n_negative = sum(dose.n_negative for dose in used)
    if n_negative:
        notes.append(f"{n_negative} voxels below 0 were set to 0")
    return PlanDose(
        gy=gy,
        grid=grid,
        dose_type=used[0].header.dose_type,
        frame_of_reference=used[0].header.frame_of_reference,
        prescription=prescription,
        fractions=plan.fractions,
        factor=factor,
        notes=(*dict.fromkeys(notes), *check_maximum(gy, plan.file)),
    )


def sum_of_plans(
    plans: Sequence[PlanDose], reference: Grid, alpha_beta: float | None = None
) -> TotalDose:
    """Sum doses on a reference grid.

    Args:
        plans: Plans of one patient.
        reference: Reference of the result, in the frame of reference of the doses.
        alpha_beta: Alpha/beta ratio in Gy; if given, EQD2 is summed, else physical dose.

    Raises:
        DatasetError: No dose, of different types or frames of reference, too high, or EQD2 of a
            dose that is weighted by its effect already.
    """
    if not plans:
        raise DatasetError("This case has no dose.", expected="1 or more plans with a dose")
    kinds: dict[str, set[str]] = {
        "type (PHYSICAL, EFFECTIVE)": {dose.dose_type for dose in plans},
        "frame of reference": {dose.frame_of_reference for dose in plans},
    }
    for what, values in kinds.items():
        if len(values) > 1:
            raise DatasetError(
                "These doses cannot be summed.",
                expected=f"doses of one {what}",
                got=len(values),
                remedy="Export them on one planning CT, all physical, or register the CTs.",
            )
    if alpha_beta is not None and plans[0].dose_type == "EFFECTIVE":
        raise DatasetError(
            "This dose is weighted by its biological effect already.",
            expected="DoseType PHYSICAL, of which EQD2 is computed",
            got="EFFECTIVE",
            remedy="Sum it as it is, or export the physical dose.",
        )
    total = np.zeros(reference.shape, dtype=np.float32)
    inside = np.ones(reference.shape, dtype=np.bool_)
    for dose in plans:
        gy = dose.gy if alpha_beta is None else eqd2(dose.gy, dose.fractions, alpha_beta)
        total += resample(gy, dose.grid, reference)
        inside &= field_of_view(dose.grid, reference)
    # Physical doses of each plan are checked; an EQD2 may be far above them.
    notes = check_maximum(total) if alpha_beta is None else [_eqd2_note(total, alpha_beta)]
    return TotalDose(total, inside, tuple(notes))


def _eqd2_note(total: Image, alpha_beta: float) -> str:
    return f"dose is EQD2 (alpha/beta {alpha_beta:g} Gy), maximum {float(total.max()):.4g} Gy"


def _check_of_plan(doses: Sequence[DoseVolume], plan: TreatmentPlan) -> None:
    if not doses:
        raise DatasetError("This plan has no dose.", file=plan.file, expected="1 or more RTDOSE")
    for dose in doses:
        if plan.uid not in dose.header.plans:
            raise _refused(
                plan.file,
                "A dose is of another plan.",
                "a reference to this plan",
                f"{len(dose.header.plans)} references to others",
                "Specify the plan of the dose.",
            )
    frames = {plan.frame_of_reference, *(dose.header.frame_of_reference for dose in doses)} - {""}
    if len(frames) > 1:
        raise _refused(
            plan.file,
            "A dose lies in another frame of reference than its plan or another dose.",
            "the same FrameOfReferenceUID",
            f"{len(frames)} of them",
            "Export plan and dose of the same planning CT.",
        )
    if len({dose.header.dose_type for dose in doses}) > 1:
        raise _refused(
            plan.file,
            "Doses of this plan are of two types.",
            "all PHYSICAL or all EFFECTIVE",
            "both",
            "Name those of one type.",
        )


def _used(doses: Sequence[DoseVolume], plan: TreatmentPlan) -> tuple[list[DoseVolume], Summation]:
    whole = [dose for dose in doses if dose.header.summation in _WHOLE]
    if whole:
        if len(whole) > 1 and not all(_is_equal(whole[0], dose) for dose in whole[1:]):
            raise _refused(
                plan.file,
                "This plan has several doses of its whole delivery.",
                "one",
                f"{len(whole)} that differ",
                "Specify the one that was delivered.",
            )
        return whole[:1], whole[0].header.summation
    summation = next(kind for kind in _PARTS if any(d.header.summation == kind for d in doses))
    parts = [dose for dose in doses if dose.header.summation == summation]
    if summation in {"FRACTION", "FRACTION_SESSION"}:
        groups = [group.number for group in plan.groups if group.number is not None]
        _check_complete("fraction groups", [d.header.fraction_groups for d in parts], groups, plan)
    elif summation in {"BEAM", "BEAM_SESSION"}:
        beams = [beam for group in plan.groups for beam in group.beams]
        _check_complete("beams", [dose.header.beams for dose in parts], beams, plan)
    return parts, summation


def _check_complete(
    what: str, numbers: Sequence[tuple[int, ...]], planned: Sequence[int], plan: TreatmentPlan
) -> None:
    """Refuse parts that are missing or occur twice."""
    if not any(numbers) and len(numbers) == max(1, len(planned)):
        return  # files without numbers, as many as parts
    present = sorted(number for each in numbers for number in each)
    if present == sorted(planned):
        return
    raise _refused(
        plan.file,
        f"The doses of this plan are not those of all its {what}.",
        f"one dose of each: {listed(sorted(planned))}",
        listed(present),
        "Export the dose of the whole plan, or those of all parts, each once.",
    )


def _is_equal(first: DoseVolume, other: DoseVolume) -> bool:
    return first.grid == other.grid and bool(np.array_equal(first.gy, other.gy))


def _fractions_of(dose: DoseVolume, plan: TreatmentPlan) -> int:
    """Fractions of the plan group to which a dose belongs; of the plan, if it names none."""
    numbers, beams = set(dose.header.fraction_groups), set(dose.header.beams)
    groups = [group for group in plan.groups if group.number in numbers]
    groups = groups or [group for group in plan.groups if beams & set(group.beams)]
    return groups[0].fractions if len(groups) == 1 else plan.fractions


def _sum(parts: Sequence[Image], weights: Sequence[int]) -> Image:
    total = parts[0] * np.float32(weights[0])
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * np.float32(weight)
    return total


def _factor(
    once: Image,
    times_n: Image,
    grid: Grid,
    prescription: Prescription,
    plan: TreatmentPlan,
    given: GivenDoseRules,
) -> FactorChoice:
    if given.times_fractions is not None or prescription.gy is None:
        return FactorChoice(bool(given.times_fractions), "given")
    highest = near_maximum(once, grid), near_maximum(times_n, grid)
    return choose_factor(*highest, prescription.gy, plan.fractions, plan.file)


def _refused(file: Path, what: str, expected: str, got: str, remedy: str) -> DatasetError:
    return DatasetError(what, file=file, expected=expected, got=got, remedy=remedy)
