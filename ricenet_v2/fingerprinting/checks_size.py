"""Is an image as large as a patient, and as those of the other cases?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.typical import factor_of, usual_range

SIZE, UNUSUAL = "physical size", "unusual size"
LEAST_EXTENT_MM, MOST_EXTENT_MM = 10.0, 2500.0
LEAST_SPACING_MM, MOST_SPACING_MM = 0.02, 30.0
_SLACK = 1e-6
_FEW = 0.1
"""Share of the cases up to which they are outliers; more are another part of the cohort."""


@dataclass(frozen=True)
class CaseSizes:
    """Sizes of a case.

    Attributes:
        place: The case and its first image.
        values: Values by quantity, see `records.typical.sizes_of`.
    """

    place: Place
    values: dict[str, float]


def check_size(grid: Grid, place: Place, *, allow_any: bool) -> list[Finding]:
    """An error where no image of a patient has such a size: then its unit is not millimetres.

    Args:
        grid: Grid of an image.
        place: Case and file.
        allow_any: Whether any size is allowed, as dataset.json says, e.g. for specimens.
    """
    if allow_any:
        return []
    limits = (
        ("extent", grid.extent, LEAST_EXTENT_MM, MOST_EXTENT_MM),
        ("spacing", grid.spacing, LEAST_SPACING_MM, MOST_SPACING_MM),
    )
    return [
        error(
            SIZE,
            place,
            found=f"{name} of {' x '.join(f'{mm:.4g}' for mm in sizes)} mm (z, y, x)",
            expected=f"{least:g} to {most:g} mm along each axis",
            remedy="Correct the voxel size, which is to be in millimetres (xyzt_units of NIfTI). "
            "If the images are right, as of specimens, animals or single slices, write "
            '"allow_any_size": true into dataset.json.',
        )
        for name, sizes, least, most in limits
        if min(sizes) < least * (1 - _SLACK) or max(sizes) > most * (1 + _SLACK)
    ]


def check_usual(cases: Sequence[CaseSizes]) -> list[Finding]:
    """One warning for each case that lies far from the others in extent, spacing or volume.

    None in cohorts of fewer than ten cases, and none where this holds for more than a tenth: these
    are another part of the cohort rather than faults.
    """
    by_quantity: dict[str, list[tuple[Place, float]]] = defaultdict(list)
    for case in cases:
        for quantity, value in case.values.items():
            by_quantity[quantity].append((case.place, value))
    by_case: dict[Place, list[_Far]] = defaultdict(list)
    for quantity, values in by_quantity.items():
        for place, far in _outliers(quantity, values):
            by_case[place].append(far)
    return [_unusual(place, outliers) for place, outliers in by_case.items()]


@dataclass(frozen=True)
class _Far:
    """A quantity of a case that lies out of its usual range."""

    quantity: str
    value: float
    usual: tuple[float, float]

    @property
    def kind(self) -> str:
        """The quantity without its axis: `extent`, `spacing`, or what there is one of."""
        return self.quantity.partition(" along ")[0]


def _outliers(quantity: str, values: list[tuple[Place, float]]) -> list[tuple[Place, _Far]]:
    usual = usual_range([value for _, value in values], factor_of(quantity))
    if usual is None:
        return []
    low, high = usual
    far = [(place, _Far(quantity, v, usual)) for place, v in values if not low <= v <= high]
    return far if len(far) <= _FEW * len(values) else []


def _unusual(place: Place, outliers: list[_Far]) -> Finding:
    by_kind: dict[str, list[_Far]] = defaultdict(list)
    for far in outliers:
        by_kind[far.kind].append(far)
    return warning(
        UNUSUAL,
        place,
        found="; ".join(
            f"{_name(group)}: {', '.join(f'{far.value:.4g}' for far in group)}"
            for group in by_kind.values()
        ),
        expected="; ".join(", ".join(dict.fromkeys(map(_range, g))) for g in by_kind.values())
        + ", as nearly all cases have",
        remedy="Look at the image and at the voxel size in its header. If it is right, "
        "networks see this patient larger or smaller than the others, or cut off.",
    )


def _name(group: list[_Far]) -> str:
    """The quantity, with all axes along which it is far."""
    first, *others = group
    head, along, rest = first.quantity.partition(" along ")
    axes = [rest[:1], *(far.quantity.partition(" along ")[2][:1] for far in others)]
    return f"{head}{along}{', '.join(axes)}{rest[1:]}" if along else head


def _range(far: _Far) -> str:
    low, high = far.usual
    return f"{low:.3g} to {high:.3g}"
