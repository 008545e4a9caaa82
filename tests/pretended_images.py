"""Images of SimpleITK that lie at an angle, and the same as nibabel holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Header(dict):
    """The part of a header of nibabel that decides where voxels lie."""

    def get_xyzt_units(self):
        """Units of space and time."""
        return self["units"], "unknown"


@dataclass
class Affine:
    """What an image of nibabel has: voxels (x, y, z), an affine to RAS, a header."""

    dataobj: np.ndarray
    affine: np.ndarray | None
    header: Header = field(default_factory=lambda: Header(units="mm"))
    qform: np.ndarray | None = None

    @property
    def shape(self):
        """Of the voxels."""
        return self.dataobj.shape

    def get_qform(self):
        """The affine that the quaternion says."""
        return self.qform

    def get_sform(self):
        """The affine."""
        return self.affine


def affine_image(image, *, codes=(0, 2), units="mm", qform=None):
    """An image of SimpleITK as nibabel would hold it."""
    steps = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps, image.GetOrigin()
    header = Header(qform_code=codes[0], sform_code=codes[1], units=units)
    return Affine(sitk.GetArrayFromImage(image).T, _LPS_TO_RAS @ affine, header, qform)


def tilted(code):
    """An oblique image of 6 x 5 x 4 voxels whose axes run as a code such as `RAS` says."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((4, 5, 6)).astype(np.float32))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((5.0, -6.0, 7.0))
    c, s = np.cos(0.2), np.sin(0.2)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    return sitk.DICOMOrient(image, code)
