"""Where the images, doses and structures of one patient lie, as seen from the reference image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.case_inputs import ImageSource
from ricenet_v2.ingest.checks import CT_BOUND, MRI_BOUND, RegistrationCheck, check_registration
from ricenet_v2.ingest.registration import register
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.ingest.spatial_registration import (
    FrameTransform,
    between,
    read_spatial_registration,
)
from ricenet_v2.ingest.volume import ImageVolume, read_volume
from ricenet_v2.records.provenance import RegisteredImage
from ricenet_v2.store.images import read_whole_image

_MOSTLY = 0.9
"""Share of voxels other than 0 above which these are no region of the head."""


def read_source(source: ImageSource) -> ImageVolume:
    """Read an image of any format.

    Raises:
        DatasetError: It cannot be read, or is no volume.
    """
    if source.series is not None:
        return read_volume(source.series)
    if source.file is None:
        raise DatasetError("This image has no file.")
    voxels, grid = read_whole_image(source.file)
    return ImageVolume(voxels, grid, "")


def head_of(voxels: Image, region: Mask) -> Mask:
    """Where the checks look when there is no mask of the brain.

    The region, or what of it is brighter than air where it is nearly the whole image: scanners
    leave noise there.
    """
    if region.mean() < _MOSTLY:
        return region
    bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(sitk.GetImageFromArray(voxels), 0, 1)) > 0
    return np.asarray(bright) if bright.any() else region


@dataclass(frozen=True)
class PlacedImage:
    """An image that was read, and its transform from points of the reference."""

    volume: ImageVolume
    transform: RigidTransform


class CaseSpace:
    """Transforms from the reference to all else; each is worked out once and recorded."""

    def __init__(
        self,
        reference: ImageVolume,
        kind: str,
        inside: Mask,
        registrations: Sequence[FrameTransform],
    ) -> None:
        """Begin with the reference; `inside` is where checks look, on its grid."""
        self.reference, self._kind, self._inside = reference, kind, inside
        self._known = registrations
        self._placed: list[PlacedImage] = []
        self.records: list[RegisteredImage] = []

    def place(self, source: ImageSource) -> PlacedImage:
        """Read an image and bring it to the reference.

        Raises:
            DatasetError: It cannot be read or registered, or does not fit after it.
        """
        volume = read_source(source)
        known = self._between(volume.frame_of_reference)
        if known is None:
            pair = register(self.reference, volume)
            transform, method = pair.transform, "image registration"
            information: float | None = pair.mutual_information
        else:
            (transform, method), information = known, None
        check = check_registration(self.reference, volume, transform, self._inside)
        self._note(source.channel, method, transform, information, check)
        self._refuse(source, method, check)
        placed = PlacedImage(volume, transform)
        self._placed.append(placed)
        return placed

    def place_frame(
        self, name: str, uid: str, others: Sequence[ImageSource] = ()
    ) -> RigidTransform:
        """The transform to a frame of reference, over other images that lie in it where need be.

        Raises:
            DatasetError: Nothing leads there.
        """
        known = self._between(uid)
        if known is not None:
            self._note(name, known[1], known[0])
            return known[0]
        placed = [each for each in self._placed if uid and each.volume.frame_of_reference == uid]
        if not placed:
            placed = [self.place(other) for other in _in_frame(others, uid)[:1]]
        if not placed:
            raise DatasetError(
                f"The {name} lies on an unknown frame of reference.",
                expected="that of an image of the case, of a planning CT or of a registration",
                got="another, or none",
                remedy="Export the image that it was planned on, or the registration to it.",
            )
        self._note(name, "image registration", placed[0].transform)
        return placed[0].transform

    def _between(self, uid: str) -> tuple[RigidTransform, str] | None:
        known = self.reference.frame_of_reference
        transform = between(self._known, known, uid)
        if transform is None:
            return None
        return transform, "same frame of reference" if uid == known else "registration object"

    def _note(
        self,
        name: str,
        method: str,
        transform: RigidTransform,
        information: float | None = None,
        check: RegistrationCheck | None = None,
    ) -> None:
        values = {} if check is None else asdict(check)
        self.records.append(
            RegisteredImage(
                name,
                method,
                transform.rotation,
                transform.translation,
                information,
                **values,
            )
        )

    def _refuse(self, source: ImageSource, method: str, check: RegistrationCheck) -> None:
        bound = MRI_BOUND if source.kind == self._kind else CT_BOUND
        faults = check.faults_by(bound)
        if faults:
            raise DatasetError(
                f"{source.channel} does not fit the reference image: {', '.join(faults)}.",
                file=source.files[0],
                expected=f"local correlation of at least {bound.correlation:g}, a third less when "
                f"moved by 4 mm, less when mirrored, and {bound.covered:.0%} of the brain",
                got=f"{check.correlation:.2f}, {check.shifted:.2f} moved, {check.mirrored:.2f} "
                f"mirrored, {check.covered:.0%} of the brain, by {method}",
                remedy="Look at both images: is it another patient, a wrong series, or a part of "
                "the head? Name another series, or export a registration.",
            )


def _in_frame(sources: Sequence[ImageSource], uid: str) -> list[ImageSource]:
    return [
        source
        for source in sources
        if uid and source.series is not None and source.series.first.frame_of_reference == uid
    ]


def transforms_of(files: Sequence[Path]) -> list[FrameTransform]:
    """All transforms of registrations; those that are not rigid are passed over.

    A deformable registration beside others is usual, and no reason to refuse a patient.
    """
    transforms: list[FrameTransform] = []
    for file in files:
        transforms += _read_or_none(file)
    return transforms


def _read_or_none(file: Path) -> Sequence[FrameTransform]:
    try:
        return read_spatial_registration(file)
    except (DatasetError, GeometryError):
        return ()
