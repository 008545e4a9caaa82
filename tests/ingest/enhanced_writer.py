"""Writes enhanced multi-frame MR: several volumes in one file, as scanners do."""

from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.ingest.dicom_writer import UPRIGHT, save, slice_object

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
GROUPS = {
    "StackID": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "DimensionIndexValues": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "DiffusionBValue": "MRDiffusionSequence",
    "FrameType": "MRImageFrameTypeSequence",
    "ComplexImageComponent": "MRImageFrameTypeSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "TriggerTime": "UnassignedPerFrameConvertedAttributesSequence",
    "PixelSpacing": "PixelMeasuresSequence",
}
DIMENSIONS = ("StackID", "InStackPositionNumber", "TemporalPositionIndex")


@dataclass
class Frames:
    """A volume: its voxels (z, y, x), where it lies, and values of its frames by keyword."""

    voxels: np.ndarray
    origin: tuple = (0, 0, 0)
    orientation: tuple = UPRIGHT
    step: float = 2.0
    values: dict = field(default_factory=dict)

    def positions(self):
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        return [np.array(self.origin) + at * self.step * normal for at in range(len(self.voxels))]


def _frame(position, orientation, values):
    frame, place, turn = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = [float(v) for v in position]
    turn.ImageOrientationPatient = [float(v) for v in orientation]
    frame.PlanePositionSequence, frame.PlaneOrientationSequence = [place], [turn]
    for keyword, value in values.items():
        group = GROUPS[keyword]
        if group not in frame:
            setattr(frame, group, [Dataset()])
        setattr(getattr(frame, group)[0], keyword, value)
    return frame


def _gradient(frame, direction):
    item = Dataset()
    item.DiffusionGradientOrientation = [float(v) for v in direction]
    frame.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = [item]


def enhanced_object(volumes, *, order=None, shared=None, **values):
    """One object of several volumes; `order` of their frames, else one volume after another."""
    frames = [
        (stored, position, volume)
        for volume in volumes
        for stored, position in zip(volume.voxels, volume.positions(), strict=True)
    ]
    frames = [frames[at] for at in (range(len(frames)) if order is None else order)]
    data = slice_object(np.stack([stored for stored, _, _ in frames]), (0, 0, 0))
    del data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing
    data.SOPClassUID, data.NumberOfFrames = ENHANCED_MR, len(frames)
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.5, 0.75], 2.0
    group.PixelMeasuresSequence = [measures]
    for keyword, value in (shared or {}).items():
        setattr(group, keyword, value)
    data.SharedFunctionalGroupsSequence = [group]
    data.PerFrameFunctionalGroupsSequence = []
    for _, position, volume in frames:
        of_frame = dict(volume.values)
        direction = of_frame.pop("gradient", None)
        frame = _frame(position, volume.orientation, of_frame)
        if direction is not None:
            _gradient(frame, direction)
        data.PerFrameFunctionalGroupsSequence.append(frame)
    data.DimensionIndexSequence = []
    for keyword in DIMENSIONS:
        item = Dataset()
        item.DimensionIndexPointer = Tag(keyword)
        data.DimensionIndexSequence.append(item)
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def write_enhanced(file, volumes, **options):
    """Write one file of several volumes."""
    return save(enhanced_object(volumes, **options), file)
