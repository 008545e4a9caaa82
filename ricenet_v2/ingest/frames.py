"""Frames of enhanced multi-frame objects: where each lies, and what tells it from the others.

Enhanced MR, CT and PET, and classic series that were converted to them, hold all slices of a series
in one file. Attributes of a frame stand in its functional groups, else in those that all share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset as Attributes
from pydicom.tag import Tag

from ricenet_v2.ingest import reading

_Groups = tuple[Attributes, ...]
_UNASSIGNED = "UnassignedPerFrameConvertedAttributesSequence"
"""Attributes in which a converted classic series keeps what has no place of its own."""
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
_PLACES = (
    "ImagePositionPatient",
    "InStackPositionNumber",
    "ImageOrientationPatient",
    "SliceLocation",
    "InstanceNumber",
)
"""Dimensions by which slices of one volume differ."""


@dataclass(frozen=True)
class FrameLabel:
    """Label that distinguishes a frame from others at the same place; 0, empty or None if absent.

    Attributes:
        stack: StackID.
        spacing: Millimetres between rows, then between columns.
        image_type: FrameType, with the component of the complex image.
        echo_time: EffectiveEchoTime, ms.
        acquisition: FrameAcquisitionNumber.
        temporal_position: TemporalPositionIndex.
        b_value: Diffusion b-value, s/mm2.
        gradient: Direction of the diffusion gradient, (x, y, z).
        trigger_time: Delay behind the trigger of the heart or breath, ms.
        dimensions: DimensionIndexValues, but for those by which slices of a volume differ.
    """

    stack: str = ""
    spacing: tuple[float, ...] = ()
    image_type: tuple[str, ...] = ()
    echo_time: float | None = None
    acquisition: int | None = None
    temporal_position: int | None = None
    b_value: float | None = None
    gradient: tuple[float, ...] = ()
    trigger_time: float | None = None
    dimensions: tuple[int, ...] = ()


@dataclass(frozen=True)
class PlacedFrame:
    """A frame.

    Attributes:
        position: ImagePositionPatient, mm; empty where it has none.
        orientation: ImageOrientationPatient; empty where it has none.
        label: Label that distinguishes it from others at the same place.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    label: FrameLabel


def frames_of(attributes: Attributes) -> list[PlacedFrame]:
    """Frames of an object with functional groups, in their order; none of another object."""
    shared = reading.items(attributes, "SharedFunctionalGroupsSequence")[:1]
    dimensions = _dimensions(attributes)
    return [
        _frame((frame, *shared), dimensions)
        for frame in reading.items(attributes, "PerFrameFunctionalGroupsSequence")
    ]


def _dimensions(attributes: Attributes) -> tuple[bool, ...]:
    """Whether frames that differ in a dimension belong to different volumes, for each dimension."""
    places = {Tag(name) for name in _PLACES}
    pointers = (
        reading.value(item, "DimensionIndexPointer")
        for item in reading.items(attributes, "DimensionIndexSequence")
    )
    return tuple(pointer is not None and pointer not in places for pointer in pointers)


def _frame(groups: _Groups, dimensions: tuple[bool, ...]) -> PlacedFrame:
    return PlacedFrame(
        _numbers(groups, "PlanePositionSequence", "ImagePositionPatient", 3),
        _numbers(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6),
        FrameLabel(
            stack=_text(groups, "FrameContentSequence", "StackID"),
            spacing=_numbers(groups, "PixelMeasuresSequence", "PixelSpacing", 2),
            image_type=_image_type(groups),
            echo_time=_number(groups, "MREchoSequence", "EffectiveEchoTime")
            or _number(groups, _UNASSIGNED, "EchoTime"),
            acquisition=_whole(groups, "FrameContentSequence", "FrameAcquisitionNumber"),
            temporal_position=_whole(groups, "FrameContentSequence", "TemporalPositionIndex")
            or _whole(groups, _UNASSIGNED, "TemporalPositionIdentifier"),
            b_value=_number(groups, "MRDiffusionSequence", "DiffusionBValue"),
            gradient=_gradient(groups),
            trigger_time=_trigger_time(groups),
            dimensions=_values(groups, dimensions),
        ),
    )


def _values(groups: _Groups, dimensions: tuple[bool, ...]) -> tuple[int, ...]:
    indices = _numbers(groups, "FrameContentSequence", "DimensionIndexValues", len(dimensions))
    return tuple(int(index) for index, differs in zip(indices, dimensions, strict=False) if differs)


def _image_type(groups: _Groups) -> tuple[str, ...]:
    for name in _FRAME_TYPES:
        for item in _items(groups, name):
            component = reading.texts(item, "ComplexImageComponent")
            return (*reading.texts(item, "FrameType"), *component)
    return ()


def _gradient(groups: _Groups) -> tuple[float, ...]:
    for item in _items(groups, "MRDiffusionSequence"):
        for direction in reading.items(item, "DiffusionGradientDirectionSequence")[:1]:
            return reading.numbers(direction, "DiffusionGradientOrientation", 3)
    return ()


def _trigger_time(groups: _Groups) -> float | None:
    heart = _number(groups, "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")
    breath = _number(
        groups, "RespiratorySynchronizationSequence", "NominalRespiratoryTriggerDelayTime"
    )
    classic = _number(groups, _UNASSIGNED, "TriggerTime")
    return next((time for time in (heart, breath, classic) if time is not None), None)


def _items(groups: _Groups, sequence: str) -> Iterator[Attributes]:
    for group in groups:
        yield from reading.items(group, sequence)[:1]


def _numbers(groups: _Groups, sequence: str, keyword: str, count: int) -> tuple[float, ...]:
    each = (reading.numbers(item, keyword, count) for item in _items(groups, sequence))
    return next((values for values in each if values), ())


def _number(groups: _Groups, sequence: str, keyword: str) -> float | None:
    return next(iter(_numbers(groups, sequence, keyword, 1)), None)


def _whole(groups: _Groups, sequence: str, keyword: str) -> int | None:
    value = _number(groups, sequence, keyword)
    return int(value) if value is not None and value == int(value) else None


def _text(groups: _Groups, sequence: str, keyword: str) -> str:
    each = (reading.text(item, keyword) for item in _items(groups, sequence))
    return next((text for text in each if text), "")
