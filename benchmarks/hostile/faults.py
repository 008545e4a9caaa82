"""What a fault of a dataset is: where it stands, how it is made, and what must be said of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON
from ricenet_v2.store.raw import image_path, images_folder

Verdict = Literal["refused", "warned", "told", "same", "sound"]


@dataclass(frozen=True)
class Place:
    """Location of a fault.

    Attributes:
        folder: Folder of the raw dataset.
        case: Its id.
        channel: Index.
        ending: File ending of its images.
        row: Row of the case in cases.csv, 0 for the first.
    """

    folder: Path
    case: str = "C00"
    channel: int = 0
    ending: str = ".nii.gz"
    row: int = 0

    @property
    def images(self) -> Path:
        """Folder of the case's images."""
        is_test = int(self.case[1:]) >= 10
        return images_folder(self.folder, "test" if is_test else "train")

    @property
    def file(self) -> Path:
        """The image."""
        return self.other(self.channel)

    def other(self, channel: int, case: str | None = None) -> Path:
        """Another image of the folder."""
        return image_path(self.images, case or self.case, channel, self.ending)

    @property
    def table(self) -> Path:
        """cases.csv."""
        return self.folder / CASES_CSV

    @property
    def json(self) -> Path:
        """dataset.json."""
        return self.folder / DATASET_JSON


Spoil = Callable[[Place], None]


@dataclass(frozen=True)
class Fault:
    """A way to spoil a copy of a sound dataset.

    Attributes:
        name: Name in words.
        spoil: Does it.
        said: Regular expressions that must all stand in one passage; `{case}` and `{file}` are
            those of the place.
        verdict: `refused` with exit code 1 or 2; `warned` and planned; `told`: one of both; `same`:
            refused, or the image is read as if it were sound; `sound`: planned.
        channels: Channels whose images it damages.
        unsaid: A regular expression that must stand nowhere: advice that would be wrong.
    """

    name: str
    spoil: Spoil
    said: tuple[str, ...] = ()
    verdict: Verdict = "refused"
    channels: tuple[int, ...] = (0, 1, 2)
    unsaid: str = ""


def nifti(path: Path, change: Callable[[bytearray], None]) -> None:
    """Change the bytes of a NIfTI file, compressed or not."""
    content = path.read_bytes()
    is_packed = content[:2] == b"\x1f\x8b"
    plain = bytearray(gzip.decompress(content) if is_packed else content)
    change(plain)
    path.write_bytes(gzip.compress(bytes(plain)) if is_packed else bytes(plain))


def table(path: Path, change: Callable[[list[list[str]]], object]) -> None:
    """Change the cells of a CSV table; its first line is the header."""
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    change(rows)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8")


def document(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the fields of a JSON document."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    change(fields)
    path.write_text(json.dumps(fields), encoding="utf-8")


def words(said: Sequence[str], place: Place) -> list[str]:
    """The expressions with case and file of a place."""
    named = {"case": place.case, "file": place.file.name.replace(".", r"\.")}
    return [text.format(**named) if "{case}" in text or "{file}" in text else text for text in said]
