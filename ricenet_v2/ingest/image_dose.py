"""A dose that is an image in another format than DICOM -> Gy; a person says its unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.dose import DoseHeader, DoseVolume
from ricenet_v2.ingest.image_file import read_image_file
from ricenet_v2.records.manifest import DoseUnit


def read_image_dose(
    file: Path, plan: str, unit: DoseUnit, prescription_gy: float | None
) -> DoseVolume:
    """Read a dose.

    Args:
        file: NIfTI, MetaImage or NRRD.
        plan: Plan by which the dose and its fractionation are matched.
        unit: Unit of the values; `%` and `share` are relative to the prescription, `Gy(RBE)` is
            weighted by the biological effect.
        prescription_gy: Prescription in Gy of the plan.

    Raises:
        DatasetError: It cannot be read, or is relative to a prescription that is not known.
    """
    scale = gy_of(unit, prescription_gy, file)
    voxels, grid = read_image_file(file)
    gy = voxels * np.float32(scale)
    header = DoseHeader(
        units="GY",
        dose_type="EFFECTIVE" if unit == "Gy(RBE)" else "PHYSICAL",
        summation="PLAN",
        plans=(plan,),
        frame_of_reference="",
        fraction_groups=(),
        beams=(),
    )
    notes = () if unit == "Gy" else (f"values in {unit}, as given",)
    return DoseVolume(np.maximum(gy, 0), grid, header, int((gy < 0).sum()), notes)


def gy_of(unit: DoseUnit, prescription_gy: float | None, file: Path) -> float:
    """Value of 1, in Gy.

    Args:
        unit: Unit of the values.
        prescription_gy: Prescription in Gy of the plan.
        file: File for the message.

    Raises:
        DatasetError: It is relative to a prescription that is not known.
    """
    if unit not in {"%", "share"}:
        return 0.01 if unit == "cGy" else 1.0
    if prescription_gy is None:
        raise DatasetError(
            "This dose is in per cent." if unit == "%" else "This dose is in shares.",
            file=file,
            expected=f"prescription_gy, which {'100 %' if unit == '%' else '1'} stands for",
            got="nothing",
            remedy="Write the prescription into the manifest, or export the dose in Gy.",
        )
    return prescription_gy / 100 if unit == "%" else prescription_gy
