"""Rows of manifest.csv: which files make a case, as proposed and as a person corrected them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ricenet_v2.records.dataset import ChannelKind, Split

DoseUnit = Literal["Gy", "cGy", "%", "share", "Gy(RBE)"]
DOSE = "dose"
"""Title of the column of doses, and name of their channel."""
ABSENT = "none"
"""Cell value for an image that the patient lacks."""


@dataclass(frozen=True)
class ImageColumn:
    """A column of keys of images.

    Attributes:
        kind: Kind of the channel.
        channel: Its name in the dataset.
    """

    kind: ChannelKind
    channel: str

    @property
    def title(self) -> str:
        """Name of the column."""
        return f"{self.kind}:{self.channel}"


@dataclass(frozen=True)
class ManifestRow:
    """A case. The row names the patient.

    Attributes:
        patient: Name of the patient in the hospital.
        case: Distinguishes cases of one patient.
        label: Class; empty where nobody has written it yet.
        split: `train` or `test`.
        images: Key of a series or image by title of the column; empty where it is left open.
        dose: Keys of the series of doses.
        factor: `1` or `n` by plan, in the order of the doses; empty where the numbers decide.
        fractions: Fractions by plan; empty if the plans state them.
        prescription_gy: Prescription in Gy by plan; empty if the plans state it.
        brain: Key of an image that is the mask of the brain.
        structures: Key of the structures that hold the lesion, or of an image that is its mask.
        lesion_roi: Name of the region of interest; empty for a mask.
        dose_unit: `Gy`, `cGy`, `%` or `share` (of the prescription) or `Gy(RBE)` by plan, of doses
            in other formats than DICOM and of RTDOSE that is relative.
        dose_over: Channel in whose coordinates doses in other formats lie; empty where they have
            its grid.
        one_person: Whether a person says that all files of the row are of one patient, whatever
            their headers say.
        event_date: YYYYMMDD; near which the image of the event is taken.
        covariates: Other columns of cases.csv, by name.
        reason: Why these were proposed, and what is open.
        line: Line of the table; 0 if it was not read from one.
        absent: Titles of the columns in which it says that the patient lacks the image.
        candidates: Keys that are suitable for a cell that was left open, by title of the
            column; the table does not hold them.
    """

    patient: str
    case: str = "1"
    label: str = ""
    split: Split = "train"
    images: dict[str, str] = field(default_factory=dict)
    dose: tuple[str, ...] = ()
    factor: tuple[str, ...] = ()
    fractions: tuple[int, ...] = ()
    prescription_gy: tuple[float, ...] = ()
    brain: str = ""
    structures: str = ""
    lesion_roi: str = ""
    dose_unit: tuple[DoseUnit, ...] = ()
    dose_over: str = ""
    one_person: bool = False
    event_date: str = ""
    covariates: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    line: int = 0
    absent: tuple[str, ...] = ()
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def would_do(self, title: str) -> tuple[str, ...]:
        """Keys that would do for a cell that is empty; none where it says that nothing does."""
        used = {*self.images.values(), *self.dose}
        keys = () if title in self.absent else self.candidates.get(title, ())
        return tuple(key for key in keys if key not in used)

    def named_for(self, title: str) -> str:
        """Candidates for an empty cell, in words."""
        if title in self.absent:
            return ABSENT
        keys = self.would_do(title)
        if keys:
            return f"nothing; {' or '.join(keys)} would do"
        return "nothing; the column reason may name what would do" if self.reason else "nothing"


@dataclass(frozen=True)
class Manifest:
    """A table of cases.

    Attributes:
        columns: Columns of images, in their order; the first is the reference of the others.
        rows: Rows of cases.
    """

    columns: tuple[ImageColumn, ...]
    rows: tuple[ManifestRow, ...]


def same_patient(name: str) -> str:
    """Remainder of the name of a patient if a spreadsheet treats it as a number."""
    return name.strip().casefold().lstrip("0")
