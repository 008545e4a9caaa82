"""Axes to LPS, against those of SimpleITK."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.orientation import to_lps
from ricenet_v2.ingest.resampling import image_of


@given(st.tuples(*[st.floats(-180, 180)] * 3), st.booleans())
def test_axes_are_those_that_simpleitk_gives(angles, mirrored):
    cosines = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    for largest in (np.sort(np.abs(cosines), axis=axis).take([1, 2], axis) for axis in (0, 1)):
        # Halfway between two axes either will do.
        assume(np.abs(np.subtract(*np.split(largest, 2, largest.shape.index(2)))).min() > 1e-6)
    cosines[:, 0] *= -1 if mirrored else 1
    voxels = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    grid = Grid((2, 3, 4), (3.0, 2.0, 1.0), (5.0, -6.0, 7.0), tuple(cosines.ravel().tolist()))
    turned, lps = to_lps(voxels, grid)
    expected = sitk.DICOMOrient(image_of(voxels, grid), "LPS")
    assert np.array_equal(turned, sitk.GetArrayFromImage(expected))
    assert lps.spacing == expected.GetSpacing()[::-1]
    assert lps.origin == pytest.approx(expected.GetOrigin())
    assert lps.direction == pytest.approx(expected.GetDirection())
    assert turned.flags.c_contiguous
