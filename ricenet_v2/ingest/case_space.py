"""Positions of images, doses and structures of a patient, relative to the reference image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.case_inputs import ImageSource
from ricenet_v2.ingest.checks import (
    CheckBound,
    RegistrationCheck,
    bound_of,
    check_registration,
)
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.misfit import MisfitError, MisfitPair
from ricenet_v2.ingest.registration_engines import register_images
from ricenet_v2.ingest.resampling import resample
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.ingest.source_images import read_source
from ricenet_v2.ingest.spatial_registration import (
    FrameTransform,
    between,
    read_spatial_registration,
)
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.records.provenance import RegisteredImage

_OTHER = (
    "Look at both images: is it another patient, a wrong series, or a part of the head? Name "
    "another series, or export a registration."
)
_BLURRED = (
    "It fits best where it lies, but 4 mm off nearly as well: one of both images is too blurred to "
    "be checked, whatever its voxel size says. Specify a series of finer resolution. For a "
    "planning CT, a registration object of the planning system carries the dose without this check."
)
_MOSTLY = 0.9
"""Share of voxels other than 0 above which these are no region of the head."""


def head_of(voxels: Image, region: Mask) -> Mask:
    """Mask that the checks use when there is no mask of the brain.

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

    source: ImageSource
    volume: ImageVolume
    transform: RigidTransform


class CaseSpace:
    """Transforms from the reference to all else; each is worked out once and recorded."""

    def __init__(
        self,
        reference: ImageVolume,
        source: ImageSource,
        inside: Mask,
        registrations: Sequence[FrameTransform],
        options: ConvertOptions,
    ) -> None:
        """Begin with the reference; `inside` is where checks look, on its grid."""
        self.reference, self._inside = reference, inside
        self._source, self._kind = source, source.kind
        self._known, self._options = registrations, options
        self.placed: list[PlacedImage] = []
        self.records: list[RegisteredImage] = []

    def place(self, source: ImageSource) -> PlacedImage:
        """Read an image and bring it to the reference.

        Raises:
            DatasetError: It cannot be read or registered, or does not fit after it.
        """
        volume = read_source(source)
        known = self._between(volume.frame_of_reference)
        if known is None:
            pair, method = register_images(self.reference, volume, self._options)
            transform, information = pair.transform, pair.mutual_information
        else:
            (transform, method), information = known, None
        bound = bound_of(source.kind, self._kind)
        check = check_registration(self.reference, volume, transform, self._inside, bound)
        self._note(source.channel, method, transform, information, check)
        placed = PlacedImage(source, volume, transform)
        self._refuse(placed, method, check, bound)
        self.placed.append(placed)
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
        placed = [
            image.transform
            for image in self.placed
            if uid and image.volume.frame_of_reference == uid
        ]
        if not placed:
            placed = [self.place(other).transform for other in _in_frame(others, uid)[:1]]
        if not placed:
            raise DatasetError(
                f"The {name} lies on an unknown frame of reference.",
                expected="that of an image of the case, of a planning CT or of a registration",
                got="another, or none",
                remedy="Export the image that it was planned on, or the registration to it.",
            )
        self._note(name, "image registration", placed[0])
        return placed[0]

    def place_on_image(
        self, name: str, grids: Sequence[Grid], over: str, others: Sequence[ImageSource] = ()
    ) -> RigidTransform:
        """The transform to the coordinates of a placed image, for what has no frame of reference.

        Args:
            name: Name of the object.
            grids: Grids of the objects.
            over: Channel, or `planning CT`; empty for the first image that has the grids.
            others: Planning CTs.

        Raises:
            DatasetError: There is no such channel, or no image of these grids.
        """
        reference = PlacedImage(self._source, self.reference, RigidTransform())
        known = [reference, *self.placed]
        placed = known
        if over:
            placed = [image for image in known if image.source.channel == over]
            if not placed and others and over == others[0].channel:
                placed = [self.place(others[0])]
        else:
            placed = [p for p in known if all(grid.matches(p.volume.grid) for grid in grids)]
        if not placed:
            names = " or ".join(image.source.channel for image in known)
            raise DatasetError(
                f"The coordinate system of the {name} is unknown.",
                expected=f"the grid of {names}, or one of these in dose_over",
                got=over or f"{grids[0].shape} voxels (z, y, x) on another grid",
                remedy="Write the channel into dose_over in whose coordinates the dose was saved; "
                "add the image that it was planned on as a channel, if it is missing.",
            )
        self._note(name, "given" if over else "same grid", placed[0].transform)
        return placed[0].transform

    def look_at(self, uid: str, others: Sequence[ImageSource]) -> str:
        """Place the image of a frame that is known without it, so that a person can see both.

        Args:
            uid: UID of the frame of reference of a dose or structures.
            others: Planning CTs.

        Returns:
            A warning in words; empty where it fits, or where there is no such image.
        """
        known, there = self._between(uid), _in_frame(others, uid)[:1]
        if known is None or not there or any(p.source == there[0] for p in self.placed):
            return ""
        source, (transform, method) = there[0], known
        try:
            volume = read_source(source)
        except DatasetError as error:
            return f"the {source.channel} cannot be shown: {error.what}"
        bound = bound_of(source.kind, self._kind)
        check = check_registration(self.reference, volume, transform, self._inside, bound)
        self._note(source.channel, method, transform, check=check)
        self.placed.append(PlacedImage(source, volume, transform))
        faults = check.faults_by(bound)
        if not faults:
            return ""
        return (
            f"the {source.channel} does not fit the reference by the {method}: "
            f"{', '.join(faults)}; look at the pictures whether the dose lies right"
        )

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

    def _refuse(
        self, placed: PlacedImage, method: str, check: RegistrationCheck, bound: CheckBound
    ) -> None:
        source = placed.source
        faults = check.faults_by(bound)
        if faults:
            error = MisfitError(
                f"{source.channel} does not fit the reference image: {', '.join(faults)}.",
                file=source.files[0],
                expected=f"local correlation of at least {bound.correlation:g}, {bound.drop:.0%} "
                "less when moved by 4 mm, on no side more, less when mirrored, and "
                f"{bound.covered:.0%} of the brain",
                got=f"{check.correlation:.2f}, {check.shifted:.2f} moved, at most "
                f"{check.nearby:.2f}, {check.mirrored:.2f} mirrored, {check.covered:.0%} of the "
                f"brain, by {method}",
                remedy=_BLURRED if faults == ("shift",) else _OTHER,
            )
            error.pair = self._pair(placed)
            raise error

    def _pair(self, placed: PlacedImage) -> MisfitPair:
        volume, grid = placed.volume, self.reference.grid
        return MisfitPair(
            self.reference,
            self._kind,
            resample(volume.voxels, volume.grid, grid, placed.transform.of_simpleitk()),
            placed.source.kind,
            self._inside,
            self.records[-1],
        )


def _in_frame(sources: Sequence[ImageSource], uid: str) -> list[ImageSource]:
    return [
        source
        for source in sources
        if uid and source.series is not None and source.series.first.frame_of_reference == uid
    ]


def transforms_of(files: Sequence[Path]) -> list[FrameTransform]:
    """All transforms of registrations; those that are not rigid are skipped.

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
