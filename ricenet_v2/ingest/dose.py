"""RTDOSE files -> dose in Gy on a grid, by hand: no library that is at hand does it right.

Dose is the stored value x DoseGridScaling, in DoseUnits; RescaleSlope has no meaning in a dose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Floats, Image
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.dose_planes import plane_positions
from ricenet_v2.ingest.orientation import to_lps
from ricenet_v2.ingest.stack import StackFault, stack_of
from ricenet_v2.ingest.voxel_claims import check_claim

Summation = Literal[
    "PLAN", "MULTI_PLAN", "FRACTION", "BEAM", "FRACTION_SESSION", "BEAM_SESSION", "CONTROL_POINT"
]
DoseType = Literal["PHYSICAL", "EFFECTIVE"]
_FRACTION_GROUPS = "ReferencedFractionGroupSequence"


@dataclass(frozen=True)
class DoseHeader:
    """Fields of the header of a dose apart from its grid.

    Attributes:
        units: `GY` or `RELATIVE`.
        dose_type: EFFECTIVE is weighted by the biological effect.
        summation: Part of the treatment to which it belongs.
        plans: UIDs of the treatment plans.
        frame_of_reference: UID of its coordinate system; empty where it is not known.
        fraction_groups: Numbers of the groups of the plan that it is of; none where it is of all.
        beams: Numbers of the beams that it is of; none where it is of all.
    """

    units: Literal["GY", "RELATIVE"]
    dose_type: DoseType
    summation: Summation
    plans: tuple[str, ...] = field(repr=False)
    frame_of_reference: str = field(repr=False)
    fraction_groups: tuple[int, ...]
    beams: tuple[int, ...]


@dataclass(frozen=True)
class DoseVolume:
    """A dose in Gy.

    Attributes:
        gy: float32, array axes (z, y, x), at least 0.
        grid: Where it lies; its axes run near left, posterior, superior.
        header: Other fields of its header.
        n_negative: Voxels below 0, which were set to 0.
        notes: Notes on the reading, in words.
    """

    gy: Image
    grid: Grid
    header: DoseHeader
    n_negative: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _DosePlanes:
    values: Image
    positions: Floats
    orientation: Floats
    spacing: tuple[float, ...]
    header: DoseHeader
    file: Path


@reading.quiet()
def read_dose(files: Sequence[Path], *, gy_at_one: float | None = None) -> DoseVolume:
    """Read one dose: of one file, or of several that hold one plane each.

    Args:
        files: Files of the dose.
        gy_at_one: Dose in Gy where a relative dose is 1; where None, a relative one is refused.

    Raises:
        DatasetError: Not readable, not in Gy, of no part of a treatment that can be summed, or its
            planes do not make a regular grid; the text says which.
    """
    parts = [_read_planes(file) for file in files]
    if not parts:
        raise DatasetError("No file was given for this dose.", expected="1 or more files")
    _check_alike(parts)
    first = parts[0]
    positions = [position.tolist() for part in parts for position in part.positions]
    orientations = [part.orientation.tolist() for part in parts for _ in part.positions]
    stack = stack_of(positions, orientations)
    if isinstance(stack, StackFault):
        raise DatasetError(
            f"The planes of this dose do not form a regular grid: {stack.kind}.",
            file=first.file,
            expected=stack.expected,
            got=stack.got,
            remedy="Export the dose again with all its planes, on a regular grid.",
        )
    values = np.concatenate([part.values for part in parts])[list(stack.order)]
    scale, notes = _gray(first, gy_at_one)
    gy = values * np.float32(scale)
    n_negative = int((gy < 0).sum())
    rows, columns = values.shape[1:]
    gy, grid = to_lps(np.maximum(gy, 0), stack.grid(rows, columns, first.spacing))
    if len(parts) > 1:
        notes.append(f"joined from {len(parts)} files")
    return DoseVolume(gy, grid, first.header, n_negative, tuple(notes))


def _gray(part: _DosePlanes, gy_at_one: float | None) -> tuple[float, list[str]]:
    if part.header.units == "GY":
        return 1.0, []
    if gy_at_one is None or not (np.isfinite(gy_at_one) and gy_at_one > 0):
        raise DatasetError(
            "This dose is relative.",
            file=part.file,
            expected="DoseUnits GY, or the dose in Gy where this one is 1",
            got="RELATIVE",
            remedy="Export it in Gy. Or write into dose_unit of the manifest what its values are: "
            "%, where 100 is the prescription, share, where 1 is it, or Gy.",
        )
    return gy_at_one, [f"relative dose; 1 is {gy_at_one:g} Gy"]


def _read_planes(file: Path) -> _DosePlanes:
    attributes = reading.read_attributes(file, pixels=True)
    if reading.text(attributes, "Modality") != "RTDOSE":
        raise DatasetError("This file holds no dose.", file=file, expected="modality RTDOSE")
    header = _header(attributes, file)
    positions, orientation = plane_positions(attributes, file)
    spacing = reading.numbers(attributes, "PixelSpacing", 2)
    scaling = reading.number(attributes, "DoseGridScaling")
    if not spacing or min(spacing) <= 0 or scaling is None or scaling <= 0:
        raise DatasetError(
            "This dose cannot be scaled.",
            file=file,
            expected="PixelSpacing of two numbers and a DoseGridScaling, above 0",
            got=f"{len(spacing)} numbers, DoseGridScaling {scaling}",
            remedy="Export it again.",
        )
    if reading.integer(attributes, "SamplesPerPixel") not in {None, 1}:
        raise DatasetError(
            "This dose has several values per voxel.", file=file, expected="SamplesPerPixel 1"
        )
    check_claim(attributes, len(positions), file)
    stored = reading.voxels_of(attributes, len(positions), file)
    values = (stored * scaling).astype(np.float32)
    return _DosePlanes(values, positions, orientation, spacing, header, file)


def _header(attributes: Attributes, file: Path) -> DoseHeader:
    plans = reading.items(attributes, "ReferencedRTPlanSequence")
    uids = [reading.text(plan, "ReferencedSOPInstanceUID") for plan in plans]
    groups = [group for plan in plans for group in reading.items(plan, _FRACTION_GROUPS)]
    beams = [beam for group in groups for beam in reading.items(group, "ReferencedBeamSequence")]
    units = _chosen(attributes, "DoseUnits", ("GY", "RELATIVE"), file)
    kind = _chosen(attributes, "DoseType", get_args(DoseType), file)
    summation = _chosen(attributes, "DoseSummationType", get_args(Summation), file)
    return DoseHeader(
        units="GY" if units == "GY" else "RELATIVE",
        dose_type="PHYSICAL" if kind == "PHYSICAL" else "EFFECTIVE",
        summation=summation,  # type: ignore[arg-type]
        plans=tuple(uid for uid in uids if uid),
        frame_of_reference=reading.text(attributes, "FrameOfReferenceUID"),
        fraction_groups=_numbers(groups, "ReferencedFractionGroupNumber"),
        beams=_numbers(beams, "ReferencedBeamNumber"),
    )


def _numbers(groups: Sequence[Attributes], keyword: str) -> tuple[int, ...]:
    numbers = (reading.integer(group, keyword) for group in groups)
    return tuple(sorted({number for number in numbers if number is not None}))


def _chosen(attributes: Attributes, keyword: str, known: tuple[str, ...], file: Path) -> str:
    code = reading.text(attributes, keyword).upper()
    if code in known:
        return code
    raise DatasetError(
        f"{keyword} of this dose is not one that is used.",
        file=file,
        expected=" or ".join(known),
        got=_REFUSED.get(code, "nothing" if not code else "another word"),
        remedy="Export the planned dose of the treatment, in Gy.",
    )


_REFUSED = {
    "CGY": "CGY, which DICOM does not have",
    "ERROR": "ERROR: a difference of doses",
    "RECORD": "RECORD: a delivered record",
    "PLAN_OVERVIEW": "PLAN_OVERVIEW",
}
"""Codes that may be shown; other texts of headers may not."""


def _check_alike(parts: Sequence[_DosePlanes]) -> None:
    """Several files are one dose only as single planes of the same."""
    first = parts[0]
    if len(parts) == 1:
        if len(first.positions) == 1:
            raise DatasetError(
                "This dose is a single plane.",
                file=first.file,
                expected="the files of all planes of the dose",
                got="one file of one plane",
                remedy="Export the whole dose, or specify the files of its other planes too.",
            )
        return
    for part in parts:
        if len(part.positions) > 1 or not _is_alike(first, part):
            raise DatasetError(
                "These files are not planes of one dose.",
                file=part.file,
                expected="files of one plane each, of the same plan, units, summation and grid",
                got=f"{len(part.positions)} planes in this file, or another dose",
                remedy="Specify the files of one dose.",
            )


def _is_alike(first: _DosePlanes, part: _DosePlanes) -> bool:
    return (
        part.header == first.header
        and part.spacing == first.spacing
        and part.values.shape[1:] == first.values.shape[1:]
    )
