"""What headers of DICOM files say, as far as this program uses it: named fields, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest import reading

_ONLY = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "PatientID",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "BurnedInAnnotation",
    "ContrastBolusAgent",
    "SliceThickness",
    "EchoNumbers",
    "EchoTime",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "DiffusionBValue",
    "TriggerTime",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ReferencedRTPlanSequence",
    "FractionGroupSequence",
)
_MOST_FRAMES = 100_000
DIRECTORY = "1.2.840.10008.1.3.10"
"""Class of a DICOMDIR, which lists other files."""


@dataclass(frozen=True)
class DicomHeader:
    """The header of a file; what is not there is an empty text, an empty tuple or None.

    Attributes:
        file: The file.
        modality: E.g. `MR`, `CT`, `RTDOSE`.
        sop_class: UID of the kind of object.
        instance: UID of the object.
        series: UID of the series.
        study: UID of the study.
        frame_of_reference: UID of the coordinate system.
        patient: As the hospital calls the patient.
        date: Of the acquisition, else the series, else the study: YYYYMMDD.
        description: Of the series, in the scanner's words.
        image_type: E.g. `ORIGINAL`, `PRIMARY`, `M`.
        burned_in: Whether the header says that text is burned into the image.
        has_contrast_agent: Whether an agent is named.
        slice_thickness: In mm.
        echo: Number of the echo.
        echo_time: In ms.
        acquisition: Its number.
        temporal_position: Its number.
        b_value: Of diffusion, in s/mm2.
        trigger_time: In ms.
        number: Of the image in the series.
        positions: ImagePositionPatient of each slice of the file, mm.
        orientations: ImageOrientationPatient of each slice of the file.
        spacing: Millimetres between rows, then between columns.
        rows: Of a slice.
        columns: Of a slice.
        samples: Values of a voxel.
        photometric: PhotometricInterpretation.
        plans: UIDs of the treatment plans that it refers to.
        fractions: Of a treatment plan, all groups together.
        is_compressed: Whether voxels have to be decoded; a copy may be, and its image is the same.
    """

    file: Path
    modality: str = ""
    sop_class: str = ""
    instance: str = field(default="", repr=False)
    series: str = field(default="", repr=False)
    study: str = field(default="", repr=False)
    frame_of_reference: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)
    date: str = field(default="", repr=False)
    description: str = field(default="", repr=False)
    image_type: tuple[str, ...] = ()
    burned_in: bool = False
    has_contrast_agent: bool = False
    slice_thickness: float | None = None
    echo: str = ""
    echo_time: float | None = None
    acquisition: int | None = None
    temporal_position: int | None = None
    b_value: float | None = None
    trigger_time: float | None = None
    number: int | None = None
    positions: tuple[tuple[float, ...], ...] = ()
    orientations: tuple[tuple[float, ...], ...] = ()
    spacing: tuple[float, ...] = ()
    rows: int = 0
    columns: int = 0
    samples: int = 1
    photometric: str = ""
    plans: tuple[str, ...] = field(default=(), repr=False)
    fractions: int | None = None
    is_compressed: bool = field(default=False, compare=False)

    def at(self, file: Path) -> DicomHeader:
        """The same of a file in another place."""
        # `dataclasses.replace` looks at each field, which takes a tenth of the time of a scan.
        moved = object.__new__(DicomHeader)
        moved.__dict__.update(self.__dict__, file=file)
        return moved

    @property
    def is_directory(self) -> bool:
        """Whether it lists other files and is no object of its own."""
        return self.sop_class == DIRECTORY


@reading.quiet()
def read_header(file: Path) -> DicomHeader:
    """Read the header of a file without its voxels.

    Raises:
        NotDicomError: It is another kind of file.
        DatasetError: It cannot be read.
    """
    header = header_of(reading.read_attributes(file, only=_ONLY), file)
    if not header.modality and not header.is_directory:
        raise DatasetError(
            "This file does not say of what kind it is.",
            file=file,
            expected="a Modality",
            remedy="It may have been cut off: export it again.",
        )
    return header


@reading.quiet()
def header_of(attributes: Attributes, file: Path) -> DicomHeader:
    """The header of a data set that was read from a file.

    Raises:
        DatasetError: It has more frames than any volume has slices.
    """
    frames = _frames(attributes, file)
    dates = ("AcquisitionDate", "SeriesDate", "StudyDate")
    return DicomHeader(
        file=file,
        modality=reading.text(attributes, "Modality"),
        sop_class=_sop_class(attributes),
        instance=reading.text(attributes, "SOPInstanceUID"),
        series=reading.text(attributes, "SeriesInstanceUID"),
        study=reading.text(attributes, "StudyInstanceUID"),
        frame_of_reference=reading.text(attributes, "FrameOfReferenceUID"),
        patient=reading.text(attributes, "PatientID"),
        date=next((day for name in dates if (day := reading.text(attributes, name))), ""),
        description=reading.text(attributes, "SeriesDescription"),
        image_type=reading.texts(attributes, "ImageType"),
        burned_in=reading.text(attributes, "BurnedInAnnotation").upper() == "YES",
        has_contrast_agent=bool(reading.text(attributes, "ContrastBolusAgent")),
        slice_thickness=reading.number(attributes, "SliceThickness"),
        echo=reading.text(attributes, "EchoNumbers"),
        echo_time=reading.number(attributes, "EchoTime"),
        acquisition=reading.integer(attributes, "AcquisitionNumber"),
        temporal_position=reading.integer(attributes, "TemporalPositionIdentifier"),
        b_value=reading.number(attributes, "DiffusionBValue"),
        trigger_time=reading.number(attributes, "TriggerTime"),
        number=reading.integer(attributes, "InstanceNumber"),
        positions=tuple(position for position, _, _ in frames),
        orientations=tuple(orientation for _, orientation, _ in frames),
        spacing=_common_spacing([spacing for _, _, spacing in frames]),
        rows=reading.integer(attributes, "Rows") or 0,
        columns=reading.integer(attributes, "Columns") or 0,
        samples=reading.integer(attributes, "SamplesPerPixel") or 1,
        photometric=reading.text(attributes, "PhotometricInterpretation"),
        plans=tuple(
            reading.text(plan, "ReferencedSOPInstanceUID")
            for plan in reading.items(attributes, "ReferencedRTPlanSequence")
        ),
        fractions=_fractions(attributes),
        is_compressed=reading.is_compressed(attributes),
    )


_Frame = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def _sop_class(attributes: Attributes) -> str:
    meta = getattr(attributes, "file_meta", None)
    stored = reading.text(meta, "MediaStorageSOPClassUID") if meta is not None else ""
    return reading.text(attributes, "SOPClassUID") or stored


def _frames(attributes: Attributes, file: Path) -> list[_Frame]:
    """Position, orientation and pixel spacing of each frame; of a dose, of its first."""
    frames = reading.items(attributes, "PerFrameFunctionalGroupsSequence")
    if len(frames) > _MOST_FRAMES:
        raise DatasetError(
            "This file has more frames than a volume has slices.",
            file=file,
            expected=f"at most {_MOST_FRAMES:,}",
            got=f"{len(frames):,}",
        )
    shared = reading.items(attributes, "SharedFunctionalGroupsSequence")[:1]
    if not frames:
        return [_placed((attributes,), plain=attributes)]
    return [_placed((frame, *shared), plain=None) for frame in frames]


def _placed(groups: tuple[Attributes, ...], plain: Attributes | None) -> _Frame:
    if plain is not None:
        return (
            reading.numbers(plain, "ImagePositionPatient", 3),
            reading.numbers(plain, "ImageOrientationPatient", 6),
            reading.numbers(plain, "PixelSpacing", 2),
        )
    return (
        _of_groups(groups, "PlanePositionSequence", "ImagePositionPatient", 3),
        _of_groups(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6),
        _of_groups(groups, "PixelMeasuresSequence", "PixelSpacing", 2),
    )


def _of_groups(
    groups: tuple[Attributes, ...], sequence: str, keyword: str, count: int
) -> tuple[float, ...]:
    def each() -> Iterator[tuple[float, ...]]:
        for group in groups:
            for item in reading.items(group, sequence)[:1]:
                yield reading.numbers(item, keyword, count)

    return next((values for values in each() if values), ())


def _common_spacing(spacings: list[tuple[float, ...]]) -> tuple[float, ...]:
    return spacings[0] if len(set(spacings)) == 1 else ()


def _fractions(attributes: Attributes) -> int | None:
    groups = reading.items(attributes, "FractionGroupSequence")
    planned = [reading.integer(group, "NumberOfFractionsPlanned") for group in groups]
    counts = [n for n in planned if n is not None]
    return sum(counts) if counts and len(counts) == len(planned) else None
