"""Headers of files -> series that may be volumes.

What scanners put into one series, or into one file of many frames, may be several volumes: echoes,
magnitude and phase, repetitions, a localiser of three directions. They are split here, and each
part says by what.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ricenet_v2.core.types import Floats
from ricenet_v2.ingest.header import DicomHeader
from ricenet_v2.ingest.stack import ORIENTATION_WITHIN as _SAME_COSINE
from ricenet_v2.ingest.stack import Stack, StackFault, stack_of

SeriesFaultKind = Literal["colour", "burned-in text", "mosaic", "size", "spacing", "patients"]
_PLACE_DECIMALS = 2
"""Decimals of a position in mm, when positions are compared."""


@dataclass(frozen=True)
class SeriesFault:
    """Why a series is no volume for another reason than where its slices lie.

    Attributes:
        kind: A few words that name it.
        expected: Description of what would have been right.
        got: Value that was found.
    """

    kind: SeriesFaultKind
    expected: str
    got: str


@dataclass(frozen=True)
class DicomSeries:
    """Files of one series, or of the part of it that may be one volume.

    Attributes:
        headers: Headers of its files, by number of the image; for files of several volumes, with
            the frames of this part only.
        part: 1, 2, ... of a series that was split, else 0.
        split_by: Difference between the parts, in words.
        copies: Files that were left out since another holds the same image.
    """

    headers: tuple[DicomHeader, ...]
    part: int = 0
    split_by: tuple[str, ...] = ()
    copies: int = 0

    @property
    def differs(self) -> tuple[str, ...]:
        """Difference between the parts, with the value of this one if it is a number."""
        values = {word: key(self.first) for word, key in _WHERE_REPEATED}
        return tuple(
            f"{word} {value:g}" if isinstance(value := values.get(word), int | float) else word
            for word in self.split_by
        )

    @property
    def first(self) -> DicomHeader:
        """Its first header."""
        return self.headers[0]

    def stack(self) -> Stack | StackFault | SeriesFault:
        """Positions of its slices, or why they do not form a volume."""
        fault = self._fault()
        if fault:
            return fault
        return stack_of(
            [position for header in self.headers for position in header.positions],
            [orientation for header in self.headers for orientation in header.orientations],
        )

    def _fault(self) -> SeriesFault | None:
        births = {header.birth_date for header in self.headers} - {""}
        if len(births) > 1 or len({header.patient for header in self.headers}) > 1:
            return SeriesFault("patients", "files of one patient", "files of several")
        if any(header.burned_in for header in self.headers):
            got = "BurnedInAnnotation YES"
            return SeriesFault("burned-in text", "images without text in their voxels", got)
        return _fault_of_slices(self.first)


def _fault_of_slices(first: DicomHeader) -> SeriesFault | None:
    if first.samples != 1 or first.photometric != "MONOCHROME2":
        got = f"{first.samples} values of a voxel, {_code(first.photometric)}"
        return SeriesFault("colour", "one value of a voxel, MONOCHROME2", got)
    if "MOSAIC" in first.image_type:
        return SeriesFault("mosaic", "one slice in an image", "all slices as tiles of one")
    if min(first.rows, first.columns) < 1:
        got = f"{first.rows} rows of {first.columns} voxels"
        return SeriesFault("size", "slices of at least one voxel", got)
    if len(first.spacing) != 2 or min(first.spacing) <= 0:
        return SeriesFault("spacing", "PixelSpacing above 0 of each slice", "none, or several")
    return None


def split_series(headers: Iterable[DicomHeader]) -> list[DicomSeries]:
    """Sort headers into series and split these where they hold several volumes.

    A series is always split by stack, orientation, size, spacing, image type and echo. Where a
    position then repeats, it is split by echo time, acquisition, temporal position, b-value,
    gradient direction, trigger time or dimension index, the first that leaves no repetition, else
    by all of these together, else by the order of the images at each position. Parts in which a
    position still repeats are refused when they are read.

    Args:
        headers: Headers of images, in any order. Frames of a file are sorted as single images are;
            files of several frames are separate series, except those of one concatenation.
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
    groups = [
        (_single_frames(group), words) for group, words in _divided((unique, ()), "file", _by_file)
    ]
    for word, split in _ALWAYS:
        groups = [part for group in groups for part in _divided(group, word, split)]
    groups = [part for group in groups for part in _by_repetition(group)]
    if len(groups) == 1:
        return [DicomSeries(tuple(unique), copies=copies)]
    whole = {header.file: header for header in unique}
    return [
        DicomSeries(_joined(group, whole), part, words, copies if part == 1 else 0)
        for part, (group, words) in enumerate(groups, 1)
    ]


def _by_file(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    def name(header: DicomHeader) -> Hashable:
        return (header.concatenation or header.file) if header.n_frames > 1 else None

    return _by(name)(headers)


def _single_frames(headers: Sequence[DicomHeader]) -> list[DicomHeader]:
    return [
        header.of_frames((at,)) if header.n_frames > 1 else header
        for header in headers
        for at in range(header.n_frames)
    ]


def _joined(
    frames: Sequence[DicomHeader], whole: Mapping[Path, DicomHeader]
) -> tuple[DicomHeader, ...]:
    """One header for each file, with those frames of it that belong to a part."""
    by_file: dict[Path, list[int]] = {}
    for header in frames:
        by_file.setdefault(header.file, []).extend(header.frames)
    return tuple(
        whole[file]
        if len(indices) == len(whole[file].positions)
        else whole[file].of_frames(indices)
        for file, indices in by_file.items()
    )


_Group = tuple[list[DicomHeader], tuple[str, ...]]
_Key = Callable[[DicomHeader], Hashable]
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


def _by(key: _Key) -> _Split:
    def split(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
        groups: dict[Hashable, list[DicomHeader]] = defaultdict(list)
        for header in headers:
            groups[key(header)].append(header)
        return list(groups.values())

    return split


def _by_orientation(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """Group orientations that agree within rounding."""
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
    differing = [pair for pair in _WHERE_REPEATED if len(set(map(pair[1], headers))) > 1]
    for chosen in (*([pair] for pair in differing), differing):
        parts = _by(_together([key for _, key in chosen]))(headers)
        if _are_volumes(parts):
            return [(part, (*words, *(word for word, _ in chosen))) for part in parts]
    turns = _turns(headers)
    if len({len(part) for part in turns}) > 1:
        return [group]
    return [(part, (*words, "repeated position")) for part in turns]


def _together(keys: Sequence[_Key]) -> _Key:
    return lambda header: tuple(key(header) for key in keys)


def _are_volumes(parts: Sequence[Sequence[DicomHeader]]) -> bool:
    """Whether no part has a position twice, and most have several."""
    sizes = sorted(map(len, parts))
    return sizes[len(sizes) // 2] > 1 and not any(map(_repeats, parts))


def _by_stack(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """Frames by StackID, unless it numbers the frames."""
    parts = _by(lambda header: header.stack)(headers)
    return parts if min(map(len, parts)) > 1 else [list(headers)]


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
    ("stack", _by_stack),
    ("orientation", _by_orientation),
    ("size", _by(lambda header: (header.rows, header.columns))),
    ("spacing", _by(lambda header: tuple(round(step, 3) for step in header.spacing))),
    ("image type", _by(lambda header: header.image_type)),
    ("echo", _by(lambda header: header.echo)),
)
_WHERE_REPEATED: tuple[tuple[str, _Key], ...] = (
    ("echo time", lambda header: header.echo_time),
    ("acquisition", lambda header: header.acquisition),
    ("temporal position", lambda header: header.temporal_position),
    ("b-value", lambda header: header.b_value),
    ("gradient direction", lambda header: header.gradient),
    ("trigger time", lambda header: header.trigger_time),
    ("dimension index", lambda header: header.dimensions),
)
