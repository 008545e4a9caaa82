"""Fields of DICOM headers that this program uses: named ones, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.frames import FrameLabel, PlacedFrame, frames_of

_ONLY = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "AcquisitionDateTime",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "BurnedInAnnotation",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "SliceThickness",
    "EchoNumbers",
    "EchoTime",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "TriggerTime",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "ConcatenationUID",
    "Rows",
    "Columns",
    "DimensionIndexSequence",
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
        patient: PatientID of the hospital.
        name: PatientName.
        birth_date: PatientBirthDate.
        date: Date of the acquisition, else the series, else the study: YYYYMMDD.
        description: Description of the series, in the scanner's words.
        image_type: E.g. `ORIGINAL`, `PRIMARY`, `M`.
        burned_in: Whether the header says that text is burned into the image.
        has_contrast_agent: Whether an agent is named.
        slice_thickness: Slice thickness in mm.
        echo: Number of the echo.
        echo_time: Echo time in ms.
        acquisition: Its number.
        temporal_position: Its number.
        b_value: Diffusion b-value, in s/mm2.
        gradient: Direction of the diffusion gradient, (x, y, z).
        trigger_time: Trigger time in ms.
        stack: StackID of its frames.
        dimensions: DimensionIndexValues, but for those by which slices of a volume differ.
        concatenation: UID that files share over which one object was divided.
        number: Number of the image in the series.
        positions: ImagePositionPatient of each slice of the file, mm.
        orientations: ImageOrientationPatient of each slice of the file.
        spacing: Millimetres between rows, then between columns.
        rows: Rows of a slice.
        columns: Columns of a slice.
        samples: Values of a voxel.
        photometric: PhotometricInterpretation.
        plans: UIDs of the treatment plans that it refers to.
        fractions: Fractions of a treatment plan, all groups together.
        is_compressed: Whether voxels have to be decoded; a copy may be, and its image is the same.
        labels: Labels that distinguish its frames; empty if only their place does.
        frames: Indices in the file of the frames that are meant; empty where all are.
        n_frames: Number of frames of the whole file.
    """

    file: Path
    modality: str = ""
    sop_class: str = ""
    instance: str = field(default="", repr=False)
    series: str = field(default="", repr=False)
    study: str = field(default="", repr=False)
    frame_of_reference: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
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
    gradient: tuple[float, ...] = ()
    trigger_time: float | None = None
    stack: str = ""
    dimensions: tuple[int, ...] = ()
    concatenation: str = field(default="", repr=False)
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
    labels: tuple[FrameLabel, ...] = field(default=(), repr=False)
    frames: tuple[int, ...] = ()
    n_frames: int = 1

    def at(self, file: Path) -> DicomHeader:
        """The same of a file in another place."""
        return self._with(file=file)

    def _with(self, **fields: object) -> DicomHeader:
        # `dataclasses.replace` looks at each field, which takes a tenth of the time of a scan.
        changed = object.__new__(DicomHeader)
        changed.__dict__.update(self.__dict__, **fields)
        return changed

    def of_frames(self, frames: Sequence[int]) -> DicomHeader:
        """The header of some frames of the file, with what they have in common.

        Args:
            frames: Indices in the file; all of the file are meant where there are none.
        """
        if not frames:
            return self
        labels = {self.labels[at] for at in frames} if self.labels else set()
        common: dict[str, object] = {}
        for name in _LABELLED if labels else ():
            values = {getattr(label, name) for label in labels}
            value = values.pop()
            # A name that the whole file has stands where its frames have none.
            if not values and value not in {"", None, ()}:
                common[name] = value
        return self._with(
            positions=tuple(self.positions[at] for at in frames),
            orientations=tuple(self.orientations[at] for at in frames),
            labels=(),
            frames=tuple(frames),
            **common,
        )

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
            "This file does not state its modality.",
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
    labels = [frame.label for frame in frames]
    spacings = {label.spacing for label in labels}
    return DicomHeader(
        file=file,
        modality=reading.text(attributes, "Modality"),
        sop_class=_sop_class(attributes),
        instance=reading.text(attributes, "SOPInstanceUID"),
        series=reading.text(attributes, "SeriesInstanceUID"),
        study=reading.text(attributes, "StudyInstanceUID"),
        frame_of_reference=reading.text(attributes, "FrameOfReferenceUID"),
        patient=reading.text(attributes, "PatientID"),
        name=reading.text(attributes, "PatientName"),
        birth_date=reading.text(attributes, "PatientBirthDate"),
        date=_date(attributes),
        description=reading.text(attributes, "SeriesDescription"),
        image_type=reading.texts(attributes, "ImageType"),
        burned_in=reading.text(attributes, "BurnedInAnnotation").upper() == "YES",
        has_contrast_agent=bool(
            reading.text(attributes, "ContrastBolusAgent")
            or reading.items(attributes, "ContrastBolusAgentSequence")
        ),
        slice_thickness=reading.number(attributes, "SliceThickness"),
        echo=reading.text(attributes, "EchoNumbers"),
        echo_time=reading.number(attributes, "EchoTime"),
        acquisition=reading.integer(attributes, "AcquisitionNumber"),
        temporal_position=reading.integer(attributes, "TemporalPositionIdentifier"),
        b_value=reading.number(attributes, "DiffusionBValue"),
        gradient=reading.numbers(attributes, "DiffusionGradientOrientation", 3),
        trigger_time=reading.number(attributes, "TriggerTime"),
        concatenation=reading.text(attributes, "ConcatenationUID"),
        number=reading.integer(attributes, "InstanceNumber"),
        positions=tuple(frame.position for frame in frames),
        orientations=tuple(frame.orientation for frame in frames),
        spacing=spacings.pop() if len(spacings) == 1 else (),
        labels=tuple(labels) if len(set(labels)) > 1 else (),
        n_frames=len(frames),
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


_LABELLED = tuple(each.name for each in fields(FrameLabel))


def _sop_class(attributes: Attributes) -> str:
    meta = getattr(attributes, "file_meta", None)
    stored = reading.text(meta, "MediaStorageSOPClassUID") if meta is not None else ""
    return reading.text(attributes, "SOPClassUID") or stored


def _date(attributes: Attributes) -> str:
    acquired = reading.text(attributes, "AcquisitionDateTime")[:8]
    dates = (
        reading.text(attributes, "AcquisitionDate"),
        acquired if len(acquired) == 8 else "",
        reading.text(attributes, "SeriesDate"),
        reading.text(attributes, "StudyDate"),
    )
    return next((day for day in dates if day), "")


def _frames(attributes: Attributes, file: Path) -> list[PlacedFrame]:
    """Each frame; of an object without functional groups, the first."""
    n_frames = len(reading.items(attributes, "PerFrameFunctionalGroupsSequence"))
    if n_frames > _MOST_FRAMES:
        raise DatasetError(
            "This file has too many frames for a volume.",
            file=file,
            expected=f"at most {_MOST_FRAMES:,}",
            got=f"{n_frames:,}",
        )
    return frames_of(attributes) or [
        PlacedFrame(
            reading.numbers(attributes, "ImagePositionPatient", 3),
            reading.numbers(attributes, "ImageOrientationPatient", 6),
            FrameLabel(spacing=reading.numbers(attributes, "PixelSpacing", 2)),
        )
    ]


def _fractions(attributes: Attributes) -> int | None:
    groups = reading.items(attributes, "FractionGroupSequence")
    planned = [reading.integer(group, "NumberOfFractionsPlanned") for group in groups]
    counts = [n for n in planned if n is not None]
    return sum(counts) if counts and len(counts) == len(planned) else None
