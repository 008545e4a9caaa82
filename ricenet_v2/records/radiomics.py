"""Radiomic features of a case, as they are kept."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name

__all__ = ["CaseRadiomics"]


@record
class CaseRadiomics:
    """The content of CASE.radiomics.json in the folder `radiomics` of the preprocessed dataset.

    Attributes:
        case_id: The case.
        inputs_hash: SHA-256 over the images, the masks, the prescribed dose, the rules and the
            package that computed them; features are recomputed where it differs.
        package: Name and version of the package.
        spacing_mm: Voxels that they are computed on, in mm.
        bins: Grey levels of the texture.
        values: Values by name, `<channel> <region> <abbreviation of the IBSI>`; None where not
            defined.
    """

    document: ClassVar[str] = "case_radiomics"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    case_id: Name
    inputs_hash: str
    package: str
    spacing_mm: float
    bins: int
    values: dict[str, float | None]
