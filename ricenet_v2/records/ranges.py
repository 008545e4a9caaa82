"""Allowed ranges of the numbers of a plan, each far wider than useful, and none open.

A number without an end, such as a network of a billion blocks or an infinite learning rate, would
be taken for a plan, and fail later where nobody sees why. NaN lies in no range.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_MANY = 1_000_000_000
_LARGE = 1e20  # its ratio to the smallest deviation is still a number in single precision

Count = Annotated[int, Field(ge=1, le=_MANY)]
Index = Annotated[int, Field(ge=0, le=_MANY)]
Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""Also of other large whole numbers, such as multiply-adds."""
Extent = Annotated[int, Field(ge=1, le=4096)]
"""Voxels along an axis."""
Features = Annotated[int, Field(ge=1, le=65_536)]
Blocks = Annotated[int, Field(ge=1, le=256)]
Kernel = Annotated[int, Field(ge=1, le=63)]
Stride = Annotated[int, Field(ge=1, le=64)]
Samples = Annotated[int, Field(ge=1, le=65_536)]
"""Samples of a step, or steps of an update."""

Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(ge=0, lt=1)]
Millimetres = Annotated[float, Field(ge=1e-6, le=1e4)]
Length = Annotated[float, Field(ge=0, le=1e4)]
"""Millimetres or voxels, 0 included."""
Degrees = Annotated[float, Field(ge=0, le=360)]
Factor = Annotated[float, Field(ge=1e-3, le=1e3)]
Strength = Annotated[float, Field(ge=0, le=1e3)]
Rate = Annotated[float, Field(gt=0, le=1e3)]
Threshold = Annotated[float, Field(gt=0, le=1e9)]
Value = Annotated[float, Field(ge=-_LARGE, le=_LARGE)]
"""The value of a voxel, in the unit of its channel or normalised."""
Deviation = Annotated[float, Field(ge=1e-15, le=_LARGE)]
"""Divisor of voxels."""
Gigabytes = Annotated[float, Field(gt=0, le=1e6)]

MOST_STAGES = 16
MOST_LEVELS = 64
MOST_SETTINGS = 64
