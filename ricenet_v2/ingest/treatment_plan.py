"""RTPLAN files -> prescriptions, fractions and beams."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest import reading

_AGREES_WITHIN = 0.1
"""Share of the prescription by which the beams may sum to another dose."""
_ASK = "Write the prescription in Gy into the manifest."


@dataclass(frozen=True)
class FractionGroup:
    """Beams that are given together.

    Attributes:
        number: Number of the group.
        fractions: Planned number of fractions.
        beams: Their numbers.
        gy_per_fraction: Sum of BeamDose; None where a beam has none.
    """

    number: int | None
    fractions: int
    beams: tuple[int, ...]
    gy_per_fraction: float | None


@dataclass(frozen=True)
class TreatmentPlan:
    """Dose information of a plan.

    Attributes:
        file: The file.
        uid: UID of the plan, to which doses refer.
        frame_of_reference: UID of its coordinate system; empty where it is not known.
        targets_gy: Prescriptions of dose references of type TARGET.
        groups: Groups of fractions.
    """

    file: Path
    uid: str = field(repr=False)
    frame_of_reference: str = field(repr=False)
    targets_gy: tuple[float, ...]
    groups: tuple[FractionGroup, ...]

    @property
    def fractions(self) -> int:
        """Fractions of all groups together."""
        return sum(group.fractions for group in self.groups)

    @property
    def beams_gy(self) -> float | None:
        """Sum of all beams over all fractions; None where a beam has no dose."""
        doses = [
            None if group.gy_per_fraction is None else group.gy_per_fraction * group.fractions
            for group in self.groups
        ]
        known = [dose for dose in doses if dose is not None]
        return sum(known) if len(known) == len(doses) else None


@dataclass(frozen=True)
class Prescription:
    """A prescribed dose.

    Attributes:
        gy: Total dose in Gy of the whole plan; None if unknown.
        reason: Derivation of the factor, in words.
    """

    gy: float | None
    reason: str


@reading.quiet()
def read_plan(file: Path) -> TreatmentPlan:
    """Read a treatment plan.

    Raises:
        DatasetError: It is no plan, cannot be read, or does not say how many fractions it has.
    """
    attributes = reading.read_attributes(file)
    if reading.text(attributes, "Modality") != "RTPLAN":
        raise DatasetError("This file holds no plan.", file=file, expected="modality RTPLAN")
    groups = reading.items(attributes, "FractionGroupSequence")
    if not groups:
        raise DatasetError(
            "This plan has no fractions.",
            file=file,
            expected="a FractionGroupSequence",
            remedy="Export the plan again.",
        )
    return TreatmentPlan(
        file=file,
        uid=reading.text(attributes, "SOPInstanceUID"),
        frame_of_reference=reading.text(attributes, "FrameOfReferenceUID"),
        targets_gy=_targets(attributes),
        groups=tuple(_group(group, file) for group in groups),
    )


def _targets(attributes: Attributes) -> tuple[float, ...]:
    references = reading.items(attributes, "DoseReferenceSequence")
    doses = (
        reading.number(reference, "TargetPrescriptionDose")
        for reference in references
        if reading.text(reference, "DoseReferenceType").upper() == "TARGET"
    )
    return tuple(dose for dose in doses if dose is not None and dose > 0)


def _group(group: Attributes, file: Path) -> FractionGroup:
    fractions = reading.integer(group, "NumberOfFractionsPlanned")
    if fractions is None or fractions < 1:
        raise DatasetError(
            "This plan does not say how many fractions it has.",
            file=file,
            expected="NumberOfFractionsPlanned of 1 or more in each group",
            got=fractions,
            remedy="Write the number of fractions into the manifest.",
        )
    beams = reading.items(group, "ReferencedBeamSequence")
    doses = [reading.number(beam, "BeamDose") for beam in beams]
    known = [dose for dose in doses if dose is not None]
    numbers = (reading.integer(beam, "ReferencedBeamNumber") for beam in beams)
    return FractionGroup(
        number=reading.integer(group, "FractionGroupNumber"),
        fractions=fractions,
        beams=tuple(number for number in numbers if number is not None),
        gy_per_fraction=sum(known) if doses and len(known) == len(doses) else None,
    )


def prescription_of_plan(
    plan: TreatmentPlan, given_gy: float | None = None, *, is_needed: bool = True
) -> Prescription:
    """The prescribed dose: that which is given, else the largest of the plan's targets.

    The beams must sum to it, where all have a dose.

    Args:
        plan: Plan of the dose.
        given_gy: Prescription in Gy given by a person.
        is_needed: Whether the factor of the dose depends on it.

    Raises:
        DatasetError: The plan has no prescription and needs one, or its beams sum to another dose.
    """
    if given_gy is not None:
        return Prescription(given_gy, "given")
    if not plan.targets_gy and not is_needed:
        return Prescription(None, "not known; the factor is given")
    if not plan.targets_gy:
        raise DatasetError(
            "This plan has no prescription.",
            file=plan.file,
            expected="a TargetPrescriptionDose of a dose reference of type TARGET",
            remedy=_ASK,
        )
    largest, beams = max(plan.targets_gy), plan.beams_gy
    reason = f"largest of {len(plan.targets_gy)} prescriptions of the plan"
    if beams is None:
        return Prescription(largest, f"{reason}; its beams have no dose")
    if abs(beams - largest) > _AGREES_WITHIN * largest:
        raise DatasetError(
            "The beams of this plan do not sum to its prescription.",
            file=plan.file,
            expected=f"{largest:g} Gy within {_AGREES_WITHIN:.0%}",
            got=f"{beams:g} Gy: BeamDose times fractions",
            remedy=_ASK,
        )
    return Prescription(largest, f"{reason}; its beams sum to {beams:.4g} Gy")
