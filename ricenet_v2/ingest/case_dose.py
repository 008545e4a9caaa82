"""The plans of a case with their doses -> the whole dose on the grid of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.dose import DoseVolume, read_dose
from ricenet_v2.ingest.fractions import eqd2
from ricenet_v2.ingest.image_dose import gy_of, read_image_dose
from ricenet_v2.ingest.plan_dose import (
    GivenDoseRules,
    PlanDose,
    TotalDose,
    dose_of_plan,
    sum_of_plans,
)
from ricenet_v2.ingest.plan_sources import PlanSource
from ricenet_v2.ingest.resampling import moved_grid
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.ingest.treatment_plan import (
    FractionGroup,
    TreatmentPlan,
    prescription_of_plan,
    read_plan,
)
from ricenet_v2.records.provenance import SummedPlan


def read_plans(sources: Sequence[PlanSource]) -> list[PlanDose]:
    """The dose of the whole delivery of each plan.

    Raises:
        DatasetError: A dose or plan cannot be read, or it is not plain what it is of.
    """
    return [_read(source) for source in sources]


def _read(source: PlanSource) -> PlanDose:
    plan = _plan(source)
    if source.is_image:
        ((file,),) = source.doses
        doses = [read_image_dose(file, source.uid, source.unit or "Gy", source.prescription_gy)]
    else:
        at_one = _gy_at_one(source, plan)
        doses = [dose for files in source.doses for dose in _doses(files, at_one)]
        _check_unit(source, doses)
    times = {"": None, "1": False, "n": True}[source.factor]
    return dose_of_plan(doses, plan, GivenDoseRules(source.prescription_gy, times))


def _gy_at_one(source: PlanSource, plan: TreatmentPlan) -> float | None:
    """Value of 1 in Gy for a relative DICOM dose; None if unknown."""
    if not source.unit:
        return None
    is_share = source.unit in {"%", "share"}
    rx = prescription_of_plan(plan, source.prescription_gy, is_needed=is_share).gy
    return gy_of(source.unit, rx, source.doses[0][0])


def _check_unit(source: PlanSource, doses: Sequence[DoseVolume]) -> None:
    """Refuse a unit that a header contradicts."""
    is_relative = all(dose.header.units == "RELATIVE" for dose in doses)
    expected = ("", "Gy", "cGy", "%", "share") if is_relative else ("", "Gy")
    if source.unit not in expected:
        raise DatasetError(
            "dose_unit contradicts the dose.",
            file=source.doses[0][0],
            expected=f"{' or '.join(expected[1:])}, or nothing; its DoseType says whether it is "
            "weighted by the effect",
            got=f"{source.unit}, and DoseUnits {'RELATIVE' if is_relative else 'GY'}",
            remedy="Correct dose_unit in the manifest.",
        )


def _doses(files: Sequence[Path], gy_at_one: float | None) -> list[DoseVolume]:
    """Doses of one series: single planes of one dose, or a dose in each file."""
    if len(files) > 1 and all(_is_plane(file) for file in files):
        return [read_dose(files, gy_at_one=gy_at_one)]
    return [read_dose([file], gy_at_one=gy_at_one) for file in files]


@reading.quiet()
def _is_plane(file: Path) -> bool:
    frames = reading.read_attributes(file, only=("NumberOfFrames",))
    return reading.integer(frames, "NumberOfFrames") in {None, 1}


def _plan(source: PlanSource) -> TreatmentPlan:
    if source.file is None:
        is_known = source.prescription_gy is not None or source.factor
        if source.fractions is None or not is_known:
            raise DatasetError(
                "The plan of this dose is not among the studies.",
                file=source.doses[0][0],
                expected="the RTPLAN that it refers to, or fractions and prescription_gy (or "
                "factor) in the manifest",
                got="neither",
                remedy="Export the plan too, or write these into the manifest.",
            )
        return _given(source, source.doses[0][0])
    if source.fractions is None:
        return read_plan(source.file)
    try:
        plan = read_plan(source.file)
    except DatasetError:  # it does not say the fractions, which are given
        return _given(source, source.file)
    if plan.fractions == source.fractions:
        return plan
    if len(plan.groups) == 1:
        return replace(plan, groups=(replace(plan.groups[0], fractions=source.fractions),))
    return replace(plan, groups=_given(source, source.file).groups)


def _given(source: PlanSource, file: Path) -> TreatmentPlan:
    groups = (FractionGroup(None, source.fractions or 1, (), None),)
    return TreatmentPlan(file, source.uid, "", (), groups)


def frame_of(plans: Sequence[PlanDose]) -> str:
    """UID of the frame of reference of all doses; empty where it is not known.

    Raises:
        DatasetError: They lie in several.
    """
    frames = {plan.frame_of_reference for plan in plans}
    if len(frames) > 1:
        raise DatasetError(
            "The doses of this case lie in several frames of reference.",
            expected="one planning CT",
            got=len(frames),
            remedy="Have them summed on one planning CT, or name those of one.",
        )
    return frames.pop()


def total_dose(
    plans: Sequence[PlanDose],
    reference: Grid,
    transform: RigidTransform,
    alpha_beta: float | None = None,
) -> TotalDose:
    """Sum the plans on the grid of the reference; each dose is resampled once.

    Args:
        plans: Plans in one frame of reference.
        reference: Reference of the result.
        transform: Transform from points of the reference to points of the doses.
        alpha_beta: Alpha/beta ratio in Gy; if given, EQD2 is summed, else physical dose.
    """
    return sum_of_plans(plans, moved_grid(reference, transform), alpha_beta)


def prescribed(plan: PlanDose, alpha_beta: float | None) -> float | None:
    """The prescription in the terms of the dose: as it is, or its EQD2; None if not known."""
    gy = plan.prescription.gy
    if alpha_beta is None or gy is None:
        return gy
    return float(eqd2(np.array(gy), plan.fractions, alpha_beta))


def summed(plan: PlanDose) -> SummedPlan:
    """Record of a summed plan."""
    return SummedPlan(
        fractions=plan.fractions,
        prescription_gy=plan.prescription.gy,
        prescription_reason=plan.prescription.reason,
        times_fractions=plan.factor.times_fractions,
        factor_reason=plan.factor.reason,
        dose_type=plan.dose_type,
        notes=plan.notes,
    )
