"""Writes the smallest DICOM files that tests need."""

import os
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHARED = Path(
    os.environ.get(
        "RICENET_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"
    )
)
INGEST = SHARED / "ingest"
CLASSES = {
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "RTPLAN": "1.2.840.10008.5.1.4.1.1.481.5",
    "REG": "1.2.840.10008.5.1.4.1.1.66.1",
}
FRAME = "1.2.826.0.1.3680043.8.498.1"
UPRIGHT = (1, 0, 0, 0, 1, 0)


def _object(modality, **values):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CLASSES[modality], generate_uid()
    data.Modality, data.PatientID, data.FrameOfReferenceUID = modality, "p1", FRAME
    data.SeriesInstanceUID = f"{FRAME}.7"
    for name, value in values.items():
        if value is None:
            if name in data:
                del data[name]
        else:
            setattr(data, name, value)
    return data


def save(data, file):
    """Write in the transfer syntax of the data set."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(file, enforce_file_format=True)
    return file


def _pixels(data, stored):
    data.Rows, data.Columns = stored.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * stored.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW"


def slice_object(
    stored, position, orientation=UPRIGHT, spacing=(1.0, 1.0), modality="MR", **values
):
    """An MR or CT slice; stored has axes (rows, columns)."""
    data = _object(modality)
    data.ImagePositionPatient = [float(v) for v in position]
    data.ImageOrientationPatient = [float(v) for v in orientation]
    data.PixelSpacing = [float(v) for v in spacing]
    _pixels(data, stored)
    for name, value in values.items():
        if value is None:
            del data[name]
        else:
            setattr(data, name, value)
    return data


def write_series(
    folder,
    voxels,
    *,
    origin=(0, 0, 0),
    orientation=UPRIGHT,
    spacing=(2.0, 1.0, 1.0),
    change=lambda at, data: None,
    **values,
):
    """Slices of voxels (z, y, x), along row x column; `change` alters each before it is written."""
    normal = np.cross(orientation[:3], orientation[3:])
    files = []
    for at, stored in enumerate(voxels):
        position = np.asarray(origin) + at * spacing[0] * normal
        data = slice_object(
            stored, position, orientation, spacing[1:], InstanceNumber=at + 1, **values
        )
        change(at, data)
        files.append(save(data, folder / f"{at:03d}"))
    return files


def dose_object(
    gy,
    *,
    origin=(-10, -20, -30),
    orientation=UPRIGHT,
    spacing=(3.0, 2.0, 2.5),
    offsets=None,
    plan="1.2.3",
    summation="PLAN",
    group=None,
    beams=(),
    dtype=np.uint32,
    scaling=1e-4,
    **values,
):
    """A dose of planes (frames, rows, columns) along row x column, or at the offsets."""
    data = _object("RTDOSE")
    stored = np.round(gy / scaling).astype(dtype)
    _pixels(data, stored)
    data.NumberOfFrames = len(gy)
    data.ImagePositionPatient = [float(v) for v in origin]
    data.ImageOrientationPatient = [float(v) for v in orientation]
    data.PixelSpacing = [float(v) for v in spacing[1:]]
    if offsets is None:
        offsets = spacing[0] * np.arange(len(gy))
    data.GridFrameOffsetVector = [float(v) for v in offsets]
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", summation
    data.DoseGridScaling = scaling
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = plan
    if group is not None:
        item = Dataset()
        item.ReferencedFractionGroupNumber = group
        item.ReferencedBeamSequence = [_numbered("ReferencedBeamNumber", beam) for beam in beams]
        reference.ReferencedFractionGroupSequence = [item]
    data.ReferencedRTPlanSequence = [reference]
    for name, value in values.items():
        if value is None:
            del data[name]
        else:
            setattr(data, name, value)
    return data


def _numbered(keyword, number):
    item = Dataset()
    setattr(item, keyword, number)
    return item


def plan_object(targets=(60.0,), groups=((30, (1.0, 1.0)),), uid="1.2.3", **values):
    """A plan; a group is its fractions and BeamDose of each beam, numbered through."""
    data = _object("RTPLAN", SOPInstanceUID=uid, **values)
    data.DoseReferenceSequence = []
    for target in targets:
        item = Dataset()
        item.DoseReferenceType, item.TargetPrescriptionDose = "TARGET", target
        data.DoseReferenceSequence.append(item)
    data.FractionGroupSequence, beam = [], 0
    for number, (fractions, doses) in enumerate(groups, 1):
        group = Dataset()
        group.FractionGroupNumber, group.NumberOfFractionsPlanned = number, fractions
        group.ReferencedBeamSequence = []
        for dose in doses:
            beam += 1
            item = _numbered("ReferencedBeamNumber", beam)
            if dose is not None:
                item.BeamDose = dose
            group.ReferencedBeamSequence.append(item)
        data.FractionGroupSequence.append(group)
    return data


def structures_object(rois):
    """Structures: name -> contours, each points (n, 3), or a geometric type and points."""
    data = _object("RTSTRUCT")
    data.StructureSetROISequence, data.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), 1):
        roi = _numbered("ROINumber", number)
        roi.ROIName, roi.ReferencedFrameOfReferenceUID = name, FRAME
        data.StructureSetROISequence.append(roi)
        drawn = _numbered("ReferencedROINumber", number)
        drawn.ContourSequence = []
        for contour in contours:
            kind, points = contour if isinstance(contour, tuple) else ("CLOSED_PLANAR", contour)
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = kind, len(points)
            item.ContourData = [round(float(v), 6) for v in np.ravel(points)]
            drawn.ContourSequence.append(item)
        data.ROIContourSequence.append(drawn)
    return data


def registration_object(items):
    """A spatial registration: UID of a frame of reference -> matrices (4, 4)."""
    data = _object("REG")
    data.RegistrationSequence = []
    for uid, matrices in items.items():
        item, step = Dataset(), Dataset()
        item.FrameOfReferenceUID = uid
        step.MatrixSequence = []
        for matrix in matrices:
            each = Dataset()
            each.FrameOfReferenceTransformationMatrix = np.ravel(matrix).round(9).tolist()
            step.MatrixSequence.append(each)
        item.MatrixRegistrationSequence = [step]
        data.RegistrationSequence.append(item)
    return data
