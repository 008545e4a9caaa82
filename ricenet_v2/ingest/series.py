"""Headers of files -> series that may be volumes.

What scanners put into one series may be several volumes: echoes, magnitude and phase, repetitions,
a localiser of three directions. They are split here, and each part says by what.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ricenet_v2.core.types import Floats
from ricenet_v2.ingest.header import DicomHeader
from ricenet_v2.ingest.stack import ORIENTATION_WITHIN as _SAME_COSINE
from ricenet_v2.ingest.stack import Stack, StackFault, stack_of

SeriesFaultKind = Literal["colour", "burned-in text", "size", "spacing", "patients"]
_PLACE_DECIMALS = 2
"""Of a position in mm, when positions are compared."""


@dataclass(frozen=True)
class SeriesFault:
    """Why a series is no volume for another reason than where its slices lie.

    Attributes:
        kind: A few words that name it.
        expected: What would have been right.
        got: What there is.
    """

    kind: SeriesFaultKind
    expected: str
    got: str


@dataclass(frozen=True)
class DicomSeries:
    """Files of one series, or of the part of it that may be one volume.

    Attributes:
        headers: Of its files, by number of the image.
        part: 1, 2, ... of a series that was split, else 0.
        split_by: What differs between the parts, in words.
        copies: Files that were left out since another holds the same image.
    """

    headers: tuple[DicomHeader, ...]
    part: int = 0
    split_by: tuple[str, ...] = ()
    copies: int = 0

    @property
    def first(self) -> DicomHeader:
        """Its first header."""
        return self.headers[0]

    def stack(self) -> Stack | StackFault | SeriesFault:
        """Where its slices lie, or why they are no volume."""
        fault = self._fault()
        if fault:
            return fault
        return stack_of(
            [position for header in self.headers for position in header.positions],
            [orientation for header in self.headers for orientation in header.orientations],
        )

    def _fault(self) -> SeriesFault | None:
        first = self.first
        if len({header.patient for header in self.headers}) > 1:
            return SeriesFault("patients", "files of one patient", "files of several")
        if any(header.burned_in for header in self.headers):
            got = "BurnedInAnnotation YES"
            return SeriesFault("burned-in text", "images without text in their voxels", got)
        if first.samples != 1 or first.photometric != "MONOCHROME2":
            got = f"{first.samples} values of a voxel, {_code(first.photometric)}"
            return SeriesFault("colour", "one value of a voxel, MONOCHROME2", got)
        if min(first.rows, first.columns) < 1:
            got = f"{first.rows} rows of {first.columns} voxels"
            return SeriesFault("size", "slices of at least one voxel", got)
        if len(first.spacing) != 2 or min(first.spacing) <= 0:
            return SeriesFault("spacing", "PixelSpacing above 0 of each slice", "none, or several")
        return None


def split_series(headers: Iterable[DicomHeader]) -> list[DicomSeries]:
    """Sort headers into series and split these where they hold several volumes.

    A series is always split by orientation, size, spacing, image type and echo. Where a
    position then repeats, it is split by echo time, acquisition, temporal position, b-value or
    trigger time, the first that leaves no repetition, else by the order of the images at each
    position. Parts in which a position still repeats are refused when they are read.

    Args:
        headers: Of images, in any order.
    """
    by_series: dict[Hashable, list[DicomHeader]] = defaultdict(list)
    for header in headers:
        # Without a UID nothing says that two files belong together.
        key = header.series or str(header.file)
        by_series[header.patient, key, header.modality].append(header)
    parts = []
    for members in by_series.values():
        parts += _parts(members)
    return parts


def _parts(members: Sequence[DicomHeader]) -> list[DicomSeries]:
    unique = without_copies(sorted(members, key=_order))
    copies = len(members) - len(unique)
    groups: list[_Group] = [(unique, ())]
    for word, split in _ALWAYS:
        groups = [part for group in groups for part in _divided(group, word, split)]
    groups = [part for group in groups for part in _by_repetition(group)]
    if len(groups) == 1:
        return [DicomSeries(tuple(unique), copies=copies)]
    return [
        DicomSeries(tuple(group), part, words, copies if part == 1 else 0)
        for part, (group, words) in enumerate(groups, 1)
    ]


_Group = tuple[list[DicomHeader], tuple[str, ...]]
_Split = Callable[[Sequence[DicomHeader]], list[list[DicomHeader]]]


def _divided(group: _Group, word: str, split: _Split) -> list[_Group]:
    headers, words = group
    parts = split(headers)
    return [group] if len(parts) == 1 else [(part, (*words, word)) for part in parts]


def _order(header: DicomHeader) -> tuple[float, float, str]:
    last = float("inf")
    number = last if header.number is None else float(header.number)
    acquisition = last if header.acquisition is None else float(header.acquisition)
    return number, acquisition, str(header.file)


def without_copies(headers: Sequence[DicomHeader]) -> list[DicomHeader]:
    """Headers without those that equal another in all but the file."""
    times = Counter(header.instance for header in headers)
    unique: dict[Hashable, DicomHeader] = {}
    for header in headers:
        # Most are there once, and are not compared: that takes long for a thousand.
        is_repeated = header.instance and times[header.instance] > 1
        unique.setdefault(header.at(_NOWHERE) if is_repeated else header.file, header)
    return list(unique.values())


def _by(key: Callable[[DicomHeader], Hashable]) -> _Split:
    def split(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
        groups: dict[Hashable, list[DicomHeader]] = defaultdict(list)
        for header in headers:
            groups[key(header)].append(header)
        return list(groups.values())

    return split


def _by_orientation(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """Those within rounding share a group."""
    groups: list[tuple[Floats, list[DicomHeader]]] = []
    for header in headers:
        cosines = np.array(header.orientations[0] if header.orientations else ())
        for known, group in groups:
            if known.shape == cosines.shape and np.all(np.abs(known - cosines) <= _SAME_COSINE):
                group.append(header)
                break
        else:
            groups.append((cosines, [header]))
    return [group for _, group in groups]


def _by_repetition(group: _Group) -> list[_Group]:
    headers, words = group
    if not _repeats(headers):
        return [group]
    for word, key in _WHERE_REPEATED:
        parts = _by(key)(headers)
        if len(parts) > 1 and not any(_repeats(part) for part in parts):
            return [(part, (*words, word)) for part in parts]
    turns = _turns(headers)
    if len({len(part) for part in turns}) > 1:
        return [group]
    return [(part, (*words, "repeated position")) for part in turns]


def _repeats(headers: Sequence[DicomHeader]) -> bool:
    return max(Counter(map(_place, headers)).values()) > 1


def _turns(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """The first image at each position, the second at each, and so on."""
    seen: Counter[Hashable] = Counter()
    turns: dict[int, list[DicomHeader]] = defaultdict(list)
    for header in headers:
        turns[seen[_place(header)]].append(header)
        seen[_place(header)] += 1
    return list(turns.values())


def _place(header: DicomHeader) -> Hashable:
    return tuple(
        round(value, _PLACE_DECIMALS) for position in header.positions for value in position
    )


def _code(photometric: str) -> str:
    return photometric if photometric in _PHOTOMETRIC else "of another or no colour space"


_NOWHERE = Path()
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422")
_ALWAYS: tuple[tuple[str, _Split], ...] = (
    ("file", _by(lambda header: header.file if len(header.positions) > 1 else None)),
    ("orientation", _by_orientation),
    ("size", _by(lambda header: (header.rows, header.columns))),
    ("spacing", _by(lambda header: tuple(round(step, 3) for step in header.spacing))),
    ("image type", _by(lambda header: header.image_type)),
    ("echo", _by(lambda header: header.echo)),
)
_WHERE_REPEATED: tuple[tuple[str, Callable[[DicomHeader], Hashable]], ...] = (
    ("echo time", lambda header: header.echo_time),
    ("acquisition", lambda header: header.acquisition),
    ("temporal position", lambda header: header.temporal_position),
    ("b-value", lambda header: header.b_value),
    ("trigger time", lambda header: header.trigger_time),
)
