"""Looking at the files of one case: each image is decoded once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core.errors import GeometryError, RicenetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.core.regular import is_missing
from ricenet_v2.core.types import Mask
from ricenet_v2.fingerprinting.checked import CaseImages, Voxels
from ricenet_v2.fingerprinting.checks_content import DAMAGED, check_content
from ricenet_v2.fingerprinting.checks_dose import check_dose
from ricenet_v2.fingerprinting.checks_duplicates import ImageHash
from ricenet_v2.fingerprinting.checks_geometry import check_geometry
from ricenet_v2.fingerprinting.checks_masks import MaskLabels
from ricenet_v2.fingerprinting.checks_position import check_position
from ricenet_v2.fingerprinting.checks_presence import no_anatomy
from ricenet_v2.fingerprinting.checks_size import CaseSizes, check_size
from ricenet_v2.fingerprinting.checks_tilt import Pose, check_tilt
from ricenet_v2.fingerprinting.checks_values import (
    check_brain,
    check_mask,
    check_picture,
    labels_to_compare,
)
from ricenet_v2.fingerprinting.checks_voxels import check_voxels
from ricenet_v2.fingerprinting.findings import MISSING, Place, error
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.presence import PRESENT
from ricenet_v2.records.region import BRAIN_MASK, NON_ZERO
from ricenet_v2.records.typical import sizes_of
from ricenet_v2.store.lesion_names import LESION
from ricenet_v2.store.stored_image import StoredImage
from ricenet_v2.voxels.hashing import voxel_hash
from ricenet_v2.voxels.volumes import millilitres

_Reference = tuple[Grid, str]
_Opened = tuple[StoredImage, Voxels, Grid, list[Finding]]


@dataclass(frozen=True)
class InspectionFiles(PoolTask):
    """Files that are opened for one case; small, since it is sent to a process.

    Attributes:
        case: The case.
        channels: Channels of the images.
        images: Each with its name in findings.
        brain: The same of the mask that decides the region.
        if_missing: Remedy for a missing image.
        straighten: Whether the images will be resampled along the axes of the patient.
        allow_any_size: Whether they may have sizes that no patient has.
        mask_name: Name of the mask `brain`: `brain` or `lesion`.
        absent: Indices of channels that the case lacks, which is allowed.
    """

    case: Case
    channels: tuple[Channel, ...]
    images: tuple[tuple[Path, str], ...]
    brain: tuple[Path, str] | None
    if_missing: str
    straighten: bool = False
    allow_any_size: bool = False
    mask_name: str = "brain"
    absent: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Id of the case."""
        return self.case.case_id


@dataclass(frozen=True)
class CaseObservations:
    """Observations in the images of one case, to be compared with other cases.

    Attributes:
        findings: Faults of the case itself.
        hashes: Hashes of images that are not constant.
        n_images: Number of images that could be read.
        pose: Pose of the first one.
        sizes: Sizes of the case.
        labels: Labels of its masks, as far as they have some.
        lesion_ml: Volume of its lesion mask, where the region or a channel is made of it.
    """

    findings: tuple[Finding, ...]
    hashes: tuple[ImageHash, ...] = ()
    n_images: int = 0
    pose: Pose | None = None
    sizes: CaseSizes | None = None
    labels: tuple[MaskLabels, ...] = ()
    lesion_ml: float | None = None


@dataclass
class _Inspection:
    """Observations so far."""

    files: InspectionFiles
    kept: CaseImages | None
    findings: list[Finding] = field(default_factory=list)
    hashes: list[ImageHash] = field(default_factory=list)
    labels: list[MaskLabels] = field(default_factory=list)
    reference: _Reference | None = None
    pose: Pose | None = None
    patient: Mask | None = None
    region: str = ""
    n_images: int = 0
    lesion_ml: float | None = None

    def image(self, index: int, path: Path, place: Place) -> None:
        """Look at one channel."""
        channel, case = self.files.channels[index], self.files.case
        opened = self._open(path, place)
        if opened is None:
            return
        self.n_images += 1
        image, voxels, grid, faults = opened
        if self.kept is not None:
            self.kept.add(index, voxels, grid)
        if self.reference is None:
            self._first(image, grid, place)
        self.findings += check_position(path, place)
        self._on_grid(grid, place)
        faults = faults or _content(voxels, channel, case, place)
        self.findings += faults
        if not any(fault.check == "constant image" for fault in faults):
            self.hashes.append(ImageHash(case, channel.name, place.file, voxel_hash(voxels)))
        if KINDS[channel.kind].is_mask and not any(fault.severity == "error" for fault in faults):
            self._add_labels(voxels, channel, place)
            self._mark(channel.mask, voxels > 0.5, grid)
        has_brain = self.files.brain is not None and self.files.mask_name == "brain"
        if KINDS[channel.kind].is_anatomy and not has_brain:
            self._add_to_patient(voxels)

    def absent(self, index: int, path: Path, place: Place) -> None:
        """Leave out a channel that the case lacks; a file of it contradicts the table."""
        if self.kept is not None:
            self.kept.leave_out(index)
        if not is_missing(path):
            self.findings.append(_not_listed(self.files.channels[index], place))

    def brain(self, path: Path, place: Place) -> None:
        """A mask marks something and lies on the grid of the images."""
        opened = self._open(path, place)
        if opened is None:
            return
        _, voxels, grid, faults = opened
        if self.kept is not None:
            self.kept.add_brain(voxels)
        self._on_grid(grid, place)
        self.findings += check_position(path, place)
        self.findings += faults or check_brain(voxels, place)
        marked = voxels > 0.5
        self._mark(self.files.mask_name, marked, grid)
        if self.files.mask_name == "brain":
            self.patient, self.region = marked, BRAIN_MASK
        if not marked.any():
            self.findings.append(_empty_mask(self.files.mask_name, place, voxels.size))

    def sizes(self, place: Place) -> CaseSizes | None:
        """Sizes of the case, as far as it could be read."""
        if self.reference is None:
            return None
        grid = self.reference[0]
        volume = 0.0 if self.patient is None else millilitres(self.patient, grid.spacing)
        return CaseSizes(place, sizes_of(grid.extent, grid.spacing, volume, self.region))

    def _first(self, image: StoredImage, grid: Grid, place: Place) -> None:
        self.reference = (grid, image.path.name)
        self.pose = Pose(self.files.name, grid, image.axes)
        self.findings += [] if self.files.straighten else check_tilt(grid, place)
        self.findings += check_size(grid, place, allow_any=self.files.allow_any_size)

    def _on_grid(self, grid: Grid, place: Place) -> None:
        if self.reference is not None:
            self.findings += check_geometry(grid, self.reference[0], place, self.reference[1])

    def _add_labels(self, mask: Voxels, channel: Channel, place: Place) -> None:
        values = labels_to_compare(mask)
        if values is not None:
            self.labels.append(MaskLabels(place, channel.name, values))

    def _mark(self, name: str | None, marked: Mask, grid: Grid) -> None:
        """Keep the volume of the lesion, which networks see by the crop or by the channel."""
        if name == LESION:
            self.lesion_ml = millilitres(marked, grid.spacing)

    def _add_to_patient(self, voxels: Voxels) -> None:
        nonzero = voxels != 0
        if self.patient is None:
            self.patient, self.region = nonzero, NON_ZERO
        elif self.patient.shape == nonzero.shape:
            self.patient |= nonzero

    def _open(self, path: Path, place: Place) -> _Opened | None:
        """Read an image, with what of its bytes ITK would hide; they are judged before it reads."""
        try:
            image = StoredImage(path)
            faults = check_content(image, place)
            if not any(fault.check == DAMAGED for fault in faults):
                return image, *image.read(), faults
        except Exception as fault:  # noqa: BLE001 - whatever a file holds
            faults = [_unreadable(fault, place)]
        self.findings += faults
        return None


def look(files: InspectionFiles, kept: CaseImages | None = None) -> CaseObservations:
    """Look at every image and at the brain mask of one case, one after another.

    Args:
        files: Files of the case.
        kept: Keeps what is read.
    """
    looked = _Inspection(files, kept)
    for index, (path, name) in enumerate(files.images):
        place = Place(files.name, name)
        if index in files.absent:
            looked.absent(index, path, place)
        elif is_missing(path):
            looked.findings.append(_missing(files.channels[index], place, files.if_missing))
        else:
            looked.image(index, path, place)
    missing = [files.channels[index].name for index in files.absent]
    looked.findings += no_anatomy(files.channels, missing, Place(files.name))
    if files.brain is not None:
        path, name = files.brain
        looked.brain(path, Place(files.name, name))
    return CaseObservations(
        tuple(looked.findings),
        tuple(looked.hashes),
        looked.n_images,
        looked.pose,
        looked.sizes(Place(files.name, files.images[0][1])),
        tuple(looked.labels),
        looked.lesion_ml,
    )


def _content(voxels: Voxels, channel: Channel, case: Case, place: Place) -> list[Finding]:
    """Faults of the voxels; each check judges only what the ones before found sound."""
    faults = check_voxels(voxels, channel.kind, place)
    if faults:
        return faults
    kind = KINDS[channel.kind]
    if kind.is_dose:
        return check_dose(voxels, place, case.covariates)
    if kind.is_mask:
        return check_mask(voxels, place)
    return check_picture(voxels, place) if kind.is_anatomy else []


def _missing(channel: Channel, place: Place, remedy: str) -> Finding:
    return error(
        MISSING,
        place,
        found=f"no file for channel {channel.name}",
        expected="one file for each channel of dataset.json",
        remedy=remedy,
    )


def _not_listed(channel: Channel, place: Place) -> Finding:
    return error(
        "channel against cases.csv",
        place,
        found=f"a file of {channel.name}, which the case lacks by the column {PRESENT!r}",
        expected="no file of a channel that the case lacks",
        remedy=f"Add {channel.name} to the cell, leave the cell empty, or take the file away.",
    )


def _unreadable(fault: Exception, place: Place) -> Finding:
    known = fault if isinstance(fault, RicenetError) else RicenetError(reason_of(fault))
    return error(
        "orientation" if isinstance(fault, GeometryError) else DAMAGED,
        place,
        found=f"{known.what} {known.got or ''}".strip(),
        expected=str(known.expected or "a 3D image of one component"),
        remedy=known.remedy or "Copy or export the file again.",
    )


def _empty_mask(name: str, place: Place, size: int) -> Finding:
    if name == "brain":
        remedy = "Make the mask again. Without it, plan with --region head."
    else:
        remedy = f"Draw the {name} again, or take the case out of cases.csv."
    return error(
        f"empty {name} mask",
        place,
        found=f"0 of {size} voxels above 0.5",
        expected=f"a mask of the {name}",
        remedy=remedy,
    )
