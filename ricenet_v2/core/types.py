"""Names of array types and of triples, for annotations.

Axes are (z, y, x) where nothing else is said; those of arrays of cases are given where they occur.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Numbers in double precision, of any shape."""
Indices = NDArray[np.intp]
"""Indices, of any shape."""
Flags = NDArray[np.bool_]
"""Truth values, of any shape."""
Image = NDArray[np.float32]
"""Voxels of one channel, axes (z, y, x)."""
Images = NDArray[np.float32]
"""Voxels of channels, axes (channels, z, y, x)."""
Mask = NDArray[np.bool_]
"""Voxels that belong to something, axes (z, y, x)."""
Shape = tuple[int, int, int]
"""Voxels along (z, y, x)."""
Triple = tuple[float, float, float]
"""Values along (z, y, x)."""
