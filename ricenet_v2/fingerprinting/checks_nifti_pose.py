"""Do the two poses of a NIfTI header agree? Programs differ in which one they believe.

Formulas: nifti1.h, methods 2 (qform) and 3 (sform), https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import itertools
import struct

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ricenet_v2.fingerprinting.checks_geometry import TOLERANCE_MM
from ricenet_v2.fingerprinting.findings import Place, error
from ricenet_v2.records.integrity import Finding

Matrix = NDArray[np.float64]
HEADER_BYTES = 540
_FORMATS = {
    348: {"sizes": "8h@40", "steps": "8f@76", "codes": "2h@252", "q": "6f@256", "s": "12f@280"},
    540: {"sizes": "8q@16", "steps": "8d@104", "codes": "2i@344", "q": "6d@352", "s": "12d@400"},
}


def check_pose(header: bytes, place: Place) -> list[Finding]:
    """Compare where qform and sform put the corner voxels, where the header has both.

    Args:
        header: The first 540 bytes of the file.
        place: Case and file.
    """
    fields = _fields(header)
    if fields is None or min(fields["codes"]) < 1:
        return []
    sizes = fields["sizes"][1:4]
    corners = np.array(list(itertools.product(*((0, size - 1) for size in sizes))), dtype=float)
    qform, sform = _qform(fields), fields["s"].reshape(3, 4)
    gap = corners @ (qform - sform)[:, :3].T + (qform - sform)[:, 3]
    apart = float(np.linalg.norm(gap, axis=1).max())
    if apart <= TOLERANCE_MM:
        return []
    return [
        error(
            "orientation",
            place,
            found=f"qform and sform put the corners up to {apart:.3g} mm apart",
            expected=f"two poses that agree within {TOLERANCE_MM} mm",
            remedy="Find out which one is right, copy it over the other (e.g. fslorient "
            "-copysform2qform), and convert from DICOM again if in doubt.",
        )
    ]


def _fields(header: bytes) -> dict[str, Matrix] | None:
    for order in "<>":
        if len(header) < HEADER_BYTES:
            return None
        formats = _FORMATS.get(struct.unpack_from(f"{order}i", header, 0)[0])
        if formats is None:
            continue
        parts = {name: form.split("@") for name, form in formats.items()}
        return {
            name: np.array(struct.unpack_from(order + form, header, int(start)), dtype=np.float64)
            for name, (form, start) in parts.items()
        }
    return None


def _qform(fields: dict[str, Matrix]) -> Matrix:
    """Voxel (x, y, z) to world, shape (3, 4)."""
    vector, offset = fields["q"][:3], fields["q"][3:]
    real = np.sqrt(max(0.0, 1.0 - float(vector @ vector)))
    steps = fields["steps"][1:4].copy()
    if fields["steps"][0] < 0:
        steps[2] *= -1
    rotation = Rotation.from_quat([*vector, real]).as_matrix()
    return np.column_stack([rotation * steps, offset])
