"""The integrity check: every fault of a raw dataset in one record, each image decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.names import fault_of
from ricenet_v2.core.pool import Task
from ricenet_v2.fingerprinting.checks_dose import check_dose
from ricenet_v2.fingerprinting.checks_folders import relative
from ricenet_v2.fingerprinting.checks_geometry import check_geometry
from ricenet_v2.fingerprinting.checks_nifti import check_nifti, is_nifti
from ricenet_v2.fingerprinting.checks_position import check_position
from ricenet_v2.fingerprinting.checks_tables import check_tables
from ricenet_v2.fingerprinting.checks_tilt import Pose, check_tilt, check_turns
from ricenet_v2.fingerprinting.checks_twins import ImageHash, check_twins
from ricenet_v2.fingerprinting.checks_voxels import check_voxels, voxel_hash
from ricenet_v2.fingerprinting.findings import Place, error, in_order
from ricenet_v2.fingerprinting.memory import bytes_of_case
from ricenet_v2.fingerprinting.workers import (
    KILLED_REMEDY,
    allowed_workers,
    available_memory,
    map_cases,
)
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import Finding, Integrity
from ricenet_v2.store.images import read_image, stored_axes
from ricenet_v2.store.raw import RawDataset

KILLED = "killed process"
"""The check that a case failed whose images nobody could look at: a fault of the machine."""
_IN_A_DATASET = "Add the image, correct the `split` of the case, or remove it from cases.csv."
_OF_A_PATIENT = "Add the image, or leave the patient out."


@dataclass(frozen=True)
class _Files(Task):
    """What is opened for one case; small, since it is sent to a process."""

    case: Case
    channels: tuple[Channel, ...]
    images: tuple[tuple[Path, str], ...]
    brain: tuple[Path, str] | None
    if_missing: str
    straighten: bool = False

    @property
    def name(self) -> str:
        """Of the case."""
        return self.case.case_id


@dataclass(frozen=True)
class _Seen:
    """What was seen in the images of one case."""

    findings: tuple[Finding, ...]
    hashes: tuple[ImageHash, ...]
    n_images: int
    pose: Pose | None


Reference = tuple[Grid, str]
Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class CheckedCase:
    """The findings in the files of one case, and what was read meanwhile.

    Attributes:
        findings: Errors first.
        images: Axes (channels, z, y, x), LPS; None where there are errors.
        grid: Of the images.
        brain: Mask, axes (z, y, x), where a file of one was given.
    """

    findings: tuple[Finding, ...]
    images: Voxels | None
    grid: Grid | None
    brain: NDArray[np.bool_] | None


class _Kept:
    """The images of one case, put into one array as they are read."""

    def __init__(self, n_channels: int) -> None:
        self._n_channels = n_channels
        self.images: Voxels | None = None
        self.grid: Grid | None = None
        self.brain: NDArray[np.bool_] | None = None

    def add(self, index: int, voxels: Voxels, grid: Grid) -> None:
        """Keep a channel; one of another shape is left out, since it is found as a fault."""
        if self.images is None:
            self.images = np.empty((self._n_channels, *grid.shape), dtype=np.float32)
            self.grid = grid
        if voxels.shape == self.images.shape[1:]:
            self.images[index] = voxels

    def add_brain(self, voxels: Voxels) -> None:
        """Keep the brain mask."""
        self.brain = voxels > 0.5


def check(raw: RawDataset, num_workers: int = 1, *, straighten: bool = False) -> Integrity:
    """Look for every fault of a dataset; changes nothing.

    Args:
        raw: The dataset as its tables describe it.
        num_workers: Processes; lowered when the memory would not do.
        straighten: Images will be resampled along the axes of the patient, so that it is no matter
            how they are tilted.

    Returns:
        All findings, in an order that depends neither on the order of cases nor on the workers.
    """
    # What has no name that a file can have has no files to look at.
    named = [case for case in raw.cases if not fault_of(case.case_id)]
    unique = {(case.case_id, case.split): case for case in named}
    cases = [unique[key] for key in sorted(unique)]
    need = bytes_of_case(raw, cases, copies=3)
    workers = allowed_workers(num_workers, need, len(cases), available_memory())
    items = [_files(raw, case, straighten) for case in cases]
    seen = map_cases(_look, items, workers, "Checking images", _killed)
    findings = check_tables(raw)
    for one in seen:
        findings += one.findings
    findings += check_twins([entry for one in seen for entry in one.hashes])
    if not straighten:
        findings += check_turns([one.pose for one in seen if one.pose is not None])
    return Integrity(
        dataset=raw.dataset.name,
        n_cases=len(raw.cases),
        n_images=sum(one.n_images for one in seen),
        findings=in_order(findings),
    )


def check_case(
    case: Case,
    channels: Sequence[Channel],
    images: Sequence[Path],
    brain: Path | None = None,
    *,
    straighten: bool = False,
) -> CheckedCase:
    """Look for every fault in the files of one patient, and keep its images if there is none.

    Args:
        case: A new patient, of no dataset; its id and covariates are used.
        channels: Of the images, in their order.
        images: Whether or not they exist.
        brain: Mask.
        straighten: As in `check`.
    """
    named = tuple((path, path.name) for path in images)
    mask = None if brain is None else (brain, brain.name)
    kept = _Kept(len(channels))
    seen = _look(_Files(case, tuple(channels), named, mask, _OF_A_PATIENT, straighten), kept)
    findings = in_order(list(seen.findings))
    if any(finding.severity == "error" for finding in findings):
        return CheckedCase(findings, None, None, None)
    return CheckedCase(findings, kept.images, kept.grid, kept.brain)


def _killed(files: _Files, reason: str) -> _Seen:
    """The finding of a case that nobody could look at; all other cases were."""
    fault = error(
        KILLED,
        Place(files.name),
        found=reason,
        expected="a process that ends by itself",
        remedy=KILLED_REMEDY,
    )
    return _Seen((fault,), (), 0, None)


def _files(raw: RawDataset, case: Case, straighten: bool) -> _Files:
    """Paths of a case, each with its name relative to the dataset."""
    images = tuple((path, relative(raw, path)) for path in raw.images(case))
    brain = raw.mask(case, "brain")
    mask = None if brain is None else (brain, relative(raw, brain))
    return _Files(case, raw.dataset.channels, images, mask, _IN_A_DATASET, straighten)


def _look(files: _Files, kept: _Kept | None = None) -> _Seen:
    """Look at every image and at the brain mask of one case, one after another."""
    case = files.case
    findings: list[Finding] = []
    hashes: list[ImageHash] = []
    reference: Reference | None = None
    pose: Pose | None = None
    n_images = 0
    for index, (channel, (path, name)) in enumerate(zip(files.channels, files.images, strict=True)):
        place = Place(case.case_id, name)
        if not path.is_file():
            findings.append(_missing(channel, place, files.if_missing))
            continue
        image = _open(path, place, findings)
        if image is None:
            continue
        n_images += 1
        voxels, grid = image
        if kept is not None:
            kept.add(index, voxels, grid)
        if reference is None:
            reference = (grid, path.name)
            pose = Pose(case.case_id, grid, stored_axes(path))
            findings += [] if files.straighten else check_tilt(grid, place)
        findings += check_position(path, place)
        findings += check_geometry(grid, reference[0], place, reference[1])
        faults = _content(path, voxels, channel, case, place)
        findings += faults
        if not any(fault.check == "constant image" for fault in faults):
            hashes.append(ImageHash(case, channel.name, place.file, voxel_hash(voxels)))
    if files.brain is not None:
        path, name = files.brain
        findings += _brain_faults(path, Place(case.case_id, name), reference, kept)
    return _Seen(tuple(findings), tuple(hashes), n_images, pose)


def _content(
    path: Path, voxels: Voxels, channel: Channel, case: Case, place: Place
) -> list[Finding]:
    """Faults of the voxels; each check judges only what the ones before found sound."""
    faults = check_nifti(path, place) if is_nifti(path) else []
    faults = faults or check_voxels(voxels, channel.kind, place)
    if channel.kind == "dose" and not faults:
        return check_dose(voxels, place, case.covariates)
    return faults


def _missing(channel: Channel, place: Place, remedy: str) -> Finding:
    return error(
        "missing channel",
        place,
        found=f"no file for channel {channel.name}",
        expected="one file for each channel of dataset.json",
        remedy=remedy,
    )


def _open(path: Path, place: Place, findings: list[Finding]) -> tuple[Voxels, Grid] | None:
    try:
        return read_image(path)
    except (RicenetError, RuntimeError, OSError, ValueError) as fault:
        found = f"{fault.what} {fault.got or ''}" if isinstance(fault, RicenetError) else str(fault)
        findings.append(
            error(
                "unreadable file",
                place,
                found=found.strip(),
                expected="a 3D image of one component",
                remedy=getattr(fault, "remedy", None) or "Copy or export the file again.",
            )
        )
        return None


def _brain_faults(
    path: Path, place: Place, reference: Reference | None, kept: _Kept | None
) -> list[Finding]:
    """A brain mask marks something and lies on the grid of the images."""
    findings: list[Finding] = []
    image = _open(path, place, findings)
    if image is None:
        return findings
    voxels, grid = image
    if kept is not None:
        kept.add_brain(voxels)
    if reference is not None:
        findings += check_geometry(grid, reference[0], place, reference[1])
    findings += check_position(path, place)
    if is_nifti(path):
        findings += check_nifti(path, place)
    if not np.any(voxels > 0.5):
        findings.append(
            error(
                "empty brain mask",
                place,
                found=f"0 of {voxels.size} voxels above 0.5",
                expected="a mask of the brain",
                remedy="Make the mask again, or delete it to use the non-zero voxels instead.",
            )
        )
    return findings
