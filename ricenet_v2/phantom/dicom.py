"""Simulated patients as the DICOM files of a hospital, to try a conversion without any patient."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset as Attributes
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.phantom.cohort import CLASSES, simulate
from ricenet_v2.phantom.images import PatientImages
from ricenet_v2.phantom.patient import PhantomPatient
from ricenet_v2.store.images import write_image

_ROOT = "1.2.826.0.1.3680043.8.498"
_CLASS = "1.2.840.10008.5.1.4.1.1"
_KINDS = {"MR": "4", "CT": "2", "RTDOSE": "481.2", "RTSTRUCT": "481.3", "RTPLAN": "481.5"}
_SHAPE: Shape = (34, 42, 34)
_SPACING: Triple = (5.0, 5.0, 5.0)
_DATES = {"post_op": "20200102", "ct": "20200115", "event": "20210601"}
_FOLDS_MM = 4.0
"""Size of folds. The phantom's brain has none; without them no place in it could be recognised."""
_SKULL_MM = 5.0
_SKULL, _AIR, _SOFT = 900, -1000, 30
_SCALING = 1e-4
ROI = "GTV"


@dataclass(frozen=True)
class _Pose:
    """A patient as a scanner sees the head: a frame of reference of its own."""

    grid: Grid
    frame: str


class _PatientFiles:
    """Data sets of one patient; each is given its identifiers when it is files."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._root = f"{_ROOT}.{zlib.crc32(name.encode())}"
        self._n = 0

    def frame(self, number: int) -> str:
        return f"{self._root}.9.{number}"

    def new(self, kind: str, series: int, date: str, frame: str) -> Attributes:
        self._n += 1
        data = Attributes()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = f"{_CLASS}.{_KINDS[kind]}"
        data.SOPInstanceUID = f"{self._root}.{series}.{self._n}"
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.Modality, data.PatientID, data.StudyDate = kind, self._name, date
        data.SeriesInstanceUID, data.FrameOfReferenceUID = f"{self._root}.{series}", frame
        return data


def write_studies(
    folder: str | Path,
    patients: int = 2,
    seed: int = 0,
    *,
    shape: Shape = _SHAPE,
    spacing: Triple = _SPACING,
    is_still: bool = False,
) -> dict[str, str]:
    """Write patients with two MRIs, planning CT, dose, plan, structures and a mask of the brain.

    Args:
        folder: Folder of the studies.
        patients: Number of patients; the classes take turns as far as they can be drawn.
        seed: Decides everything.
        shape: Shape of every image, (z, y, x).
        spacing: Spacing of every image, (z, y, x), mm.
        is_still: Whether all images of a patient lie in one pose and frame of reference, so that
            nothing has to be registered.

    Returns:
        Label by name of the patient, which no file holds.
    """
    labels: dict[str, str] = {}
    grid = Grid(shape, spacing)
    number = 0
    while len(labels) < patients:
        number += 1
        name = f"demo{number:03d}"
        patient, images, _, is_recurrence = simulate(name, seed, grid)
        label = CLASSES[int(is_recurrence)]
        if label != CLASSES[len(labels) % 2]:
            continue
        labels[name] = label
        files = _PatientFiles(name)
        poses = _poses(files, grid, is_still=is_still)
        for path, data in _files(files, poses, patient, images, generator(seed, "dicom", name)):
            target = Path(folder, name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            data.save_as(target, enforce_file_format=True)
        where = _posed(grid, (0, 0, 0), (0, 0, 0))
        write_image(Path(folder, name, "brain.nii.gz"), images.brain.astype(np.uint8), where)
    return labels


def _posed(grid: Grid, degrees: Triple, shift: Triple) -> Grid:
    """The grid of a head that was turned about its middle and shifted."""
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    corner = -np.array(grid.spacing[::-1]) * (np.array(grid.shape[::-1]) - 1) / 2
    x, y, z = (float(v) for v in turn @ corner + shift)
    return Grid(grid.shape, grid.spacing, (x, y, z), tuple(float(v) for v in turn.ravel()))


def _poses(files: _PatientFiles, grid: Grid, *, is_still: bool) -> dict[str, _Pose]:
    first = _Pose(_posed(grid, (0, 0, 0), (0, 0, 0)), files.frame(1))
    if is_still:
        return dict.fromkeys(_DATES, first)
    return {
        "post_op": first,
        "event": _Pose(_posed(grid, (7, -5, 12), (8, -6, 10)), files.frame(2)),
        "ct": _Pose(_posed(grid, (-4, 3, -6), (-9, 14, 5)), files.frame(3)),
    }


def _files(
    files: _PatientFiles,
    poses: Mapping[str, _Pose],
    patient: PhantomPatient,
    images: PatientImages,
    random: np.random.Generator,
) -> Iterator[tuple[str, Attributes]]:
    grid = poses["post_op"].grid
    folds = ndimage.gaussian_filter(
        random.normal(size=grid.shape), [_FOLDS_MM / step for step in grid.spacing]
    )
    folds = np.where(images.brain, np.clip(1 + folds / folds.std() / 3, 0.1, 2), 1)
    for series, (when, voxels) in enumerate(
        {"post_op": images.post_op * folds, "event": images.event * folds}.items(), 1
    ):
        stored = np.round(voxels * 900 / voxels.max()).astype(np.uint16)
        for at in range(len(stored)):
            data = files.new("MR", series, _DATES[when], poses[when].frame)
            data.SeriesDescription, data.ContrastBolusAgent = "t1 mprage km", "agent"
            yield f"MR{series}/{at:03d}", _with_pixels(data, stored[at], poses[when].grid, at)
    hounsfield = _hounsfield(images, folds, grid)
    for at in range(len(hounsfield)):
        data = files.new("CT", 3, _DATES["ct"], poses["ct"].frame)
        yield f"CT/{at:03d}", _with_pixels(data, hounsfield[at], poses["ct"].grid, at)
    plan = _plan(files.new("RTPLAN", 4, _DATES["ct"], poses["ct"].frame), patient)
    yield "RTPLAN", plan
    dose = files.new("RTDOSE", 5, _DATES["ct"], poses["ct"].frame)
    yield "RTDOSE", _dose(dose, images, poses["ct"].grid, plan.SOPInstanceUID)
    structures = files.new("RTSTRUCT", 6, _DATES["ct"], poses["ct"].frame)
    yield "RTSTRUCT", _structures(structures, patient, poses["ct"])


def _hounsfield(images: PatientImages, folds: NDArray[np.float64], grid: Grid) -> NDArray[np.int16]:
    head = images.post_op > 0
    thick = max(1, round(_SKULL_MM / min(grid.spacing)))
    skull = ndimage.binary_dilation(images.brain, iterations=thick) & head & ~images.brain
    soft = _SOFT * folds * images.post_op / np.median(images.post_op[images.brain])
    return np.round(np.where(skull, _SKULL, np.where(head, soft, _AIR))).astype(np.int16)


def _with_pixels(data: Attributes, stored: NDArray[np.generic], grid: Grid, at: int) -> Attributes:
    """A data set of (rows, columns) of slice `at`, or all slices from there, with positions."""
    cosines = np.reshape(grid.direction, (3, 3))
    data.ImagePositionPatient = [round(float(v), 6) for v in grid.world((at, 0, 0))]
    data.ImageOrientationPatient = [round(float(v), 9) for v in cosines[:, :2].T.ravel()]
    data.PixelSpacing = [grid.spacing[1], grid.spacing[2]]
    data.InstanceNumber = at + 1
    data.Rows, data.Columns = stored.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * stored.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW"
    return data


def _plan(data: Attributes, patient: PhantomPatient) -> Attributes:
    each = round(patient.prescription / patient.fractions, 6)
    data.DoseReferenceSequence = [
        _item(DoseReferenceType="TARGET", TargetPrescriptionDose=patient.prescription)
    ]
    beam = _item(ReferencedBeamNumber=1, BeamDose=each)
    data.FractionGroupSequence = [
        _item(
            FractionGroupNumber=1,
            NumberOfFractionsPlanned=patient.fractions,
            ReferencedBeamSequence=[beam],
        )
    ]
    return data


def _dose(data: Attributes, images: PatientImages, grid: Grid, plan: str) -> Attributes:
    stored = np.round(images.dose / _SCALING).astype(np.uint32)
    _with_pixels(data, stored, grid, 0)
    data.NumberOfFrames = len(stored)
    data.GridFrameOffsetVector = [grid.spacing[0] * at for at in range(len(stored))]
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.DoseGridScaling = _SCALING
    data.ReferencedRTPlanSequence = [_item(ReferencedSOPInstanceUID=plan)]
    return data


def _structures(data: Attributes, patient: PhantomPatient, pose: _Pose) -> Attributes:
    """The lesion as circles in the slices of the CT."""
    grid, angle = pose.grid, np.linspace(0, 2 * np.pi, 48, endpoint=False)
    middle = (np.array(grid.shape) - 1) / 2 + np.array(patient.lesion) / np.array(grid.spacing)
    contours = []
    for at in range(grid.shape[0]):
        height = (at - middle[0]) * grid.spacing[0]
        if abs(height) < patient.lesion_radius:
            radius = np.sqrt(patient.lesion_radius**2 - height**2)
            ring = np.stack([np.zeros(48), radius * np.sin(angle), radius * np.cos(angle)], axis=1)
            indices = np.array([at, *middle[1:]]) + ring / np.array(grid.spacing)
            points = grid.positions(indices).round(4)
            contours.append(
                _item(ContourGeometricType="CLOSED_PLANAR", ContourData=points.ravel().tolist())
            )
    data.StructureSetROISequence = [
        _item(ROINumber=1, ROIName=ROI, ReferencedFrameOfReferenceUID=pose.frame)
    ]
    data.ROIContourSequence = [_item(ReferencedROINumber=1, ContourSequence=contours)]
    return data


def _item(**values: object) -> Attributes:
    item = Attributes()
    fields: Mapping[str, object] = values
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    return item
