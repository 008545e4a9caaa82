"""A tree of files -> series, whatever the files are called and however deep they lie."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.progress import track
from ricenet_v2.core.regular import fault_of_file
from ricenet_v2.core.text import in_utf8
from ricenet_v2.ingest import archives
from ricenet_v2.ingest.bids_dates import bids_dates
from ricenet_v2.ingest.header import DicomHeader, read_header
from ricenet_v2.ingest.header_cache import ReadFile, load_headers, save_headers
from ricenet_v2.ingest.image_tree import ImagePlace, places_of, read_sidecar
from ricenet_v2.ingest.patients import SeriesOwner, owners_of_series
from ricenet_v2.ingest.reading import NotDicomError, in_words
from ricenet_v2.ingest.series import DicomSeries, split_series, without_copies
from ricenet_v2.ingest.stack import Stack
from ricenet_v2.records.scanned import ScannedSeries
from ricenet_v2.store.image_files import ENDINGS
from ricenet_v2.store.images import read_grid

_IMAGES = ("MR", "CT", "PT")
_OBJECTS = {
    "RTDOSE": "dose",
    "RTPLAN": "plan",
    "RTSTRUCT": "structures",
    "REG": "registration",
}
_ENDINGS = tuple(ending for endings in ENDINGS.values() for ending in endings)
_KEY_DIGITS = 10
_LINK = "this is a link to a folder, which is not followed: put the folder itself here"


@dataclass(frozen=True)
class UnreadFile:
    """A file or folder that could not be read.

    Attributes:
        file: Below the folder that was scanned.
        fault: Why, in words.
    """

    file: str
    fault: str


@dataclass(frozen=True)
class Scan:
    """Content of a tree.

    Attributes:
        folder: The tree.
        rows: A row a series, by patient, date and description.
        series: Series of DICOM, by key.
        images: Files of other formats, by key.
        unread: Files that could not be read.
        n_others: Number of files that are neither DICOM nor images.
        n_read: Number of files that were read again; the others are from the cache.
    """

    folder: Path
    rows: tuple[ScannedSeries, ...]
    series: dict[str, DicomSeries] = field(repr=False)
    images: dict[str, Path] = field(repr=False)
    unread: tuple[UnreadFile, ...]
    n_others: int
    n_read: int


def scan(folder: Path, work: Path | None = None, *, keep: bool = True) -> Scan:
    """Read the headers of all files of a tree; links to folders are listed and not followed.

    Args:
        folder: Folder of DICOM files and of images in other formats, of any names.
        work: Where headers are kept, so that the next scan is quick; it is made for its owner
            alone. None keeps nothing.
        keep: Whether headers are kept there; else those that are there are read and left.

    Raises:
        DatasetError: There is no such folder, or it holds neither.
    """
    if not folder.is_dir():
        raise DatasetError("There is no such folder.", file=folder)
    known = load_headers(work) if work is not None else {}
    unread: list[UnreadFile] = []
    names = list(_files(folder, unread))
    unchanged = {name: file for name in names if (file := _unchanged(folder, name, known))}
    new = [name for name in names if name not in unchanged]
    read = {name: _read(folder / name) for name in track(new, "reading headers")}
    files = {name: unchanged.get(name) or read[name] for name in names}
    unread += [UnreadFile(in_utf8(name), file.fault) for name, file in files.items() if file.fault]
    kinds = Counter(file.kind for file in files.values())
    if not kinds["dicom"] + kinds["image"]:
        raise DatasetError(
            "This folder holds no DICOM files and no images.",
            file=folder,
            expected=f"files of DICOM, or with an ending such as {', '.join(_ENDINGS[:2])}",
            got=f"{kinds['neither']} other files, {len(unread)} that cannot be read",
            remedy=_remedy(files),
        )
    if work is not None and keep:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        if read or len(unchanged) < len(known):
            save_headers(work, files)
    series = _series(folder, files)
    images = {_key("image", name): name for name, file in files.items() if file.kind == "image"}
    of_series = {key: _folder_of(each, folder) for key, each in series.items()}
    below = {key: tuple(place.replace("\\", "/").split("/")) for key, place in of_series.items()}
    owners = owners_of_series(series, below)
    rows = [_row(key, each, of_series[key], owners[key]) for key, each in series.items()]
    places = places_of(images.values(), {Path(row.folder).parts[:1] for row in rows})
    dates = bids_dates(folder, files, places)
    rows += [
        _image_row(key, folder / name, name, files[name], places[name], dates.get(name, ""))
        for key, name in images.items()
    ]
    return Scan(
        folder=folder,
        rows=tuple(sorted(rows, key=lambda row: (row.patient, row.date, row.description, row.key))),
        series=series,
        images={key: folder / name for key, name in images.items()},
        unread=tuple(unread),
        n_others=kinds["neither"],
        n_read=len(read),
    )


def _files(folder: Path, unread: list[UnreadFile]) -> Iterator[str]:
    """Paths below a folder, in their order; folders that cannot be listed are noted."""

    def note(error: OSError) -> None:
        place = os.path.relpath(error.filename or folder, folder)
        unread.append(UnreadFile(in_utf8(place), f"this folder cannot be listed: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        below = os.path.relpath(place, folder)
        start = "" if below == os.curdir else f"{below}{os.sep}"
        unread += [
            UnreadFile(in_utf8(f"{start}{name}"), _LINK)
            for name in folders
            if Path(place, name).is_symlink()
        ]
        for name in sorted(names):
            yield f"{start}{name}"


def _unchanged(folder: Path, name: str, known: Mapping[str, ReadFile]) -> ReadFile | None:
    """Cached content of an unchanged file; without path objects, of which there are many.

    None of one that could not be read: who permits it now changes neither its size nor its time.
    """
    file = known.get(name)
    if file is None or file.fault not in {"", archives.FAULT}:
        return None
    try:
        return file if file.is_of(os.stat(f"{folder}{os.sep}{name}")) else None  # noqa: PTH116
    except OSError:
        return None


def _read(path: Path) -> ReadFile:
    try:
        status = path.stat()
    except OSError:
        return ReadFile(0, 0, "unreadable", fault=fault_of_file(path))
    read = ReadFile(status.st_size, status.st_mtime_ns, "neither")
    fault = fault_of_file(path)
    if fault:
        return replace(read, kind="unreadable", fault=fault)
    return _content(path, read) if status.st_size else read


def _content(path: Path, read: ReadFile) -> ReadFile:
    is_image = path.name.lower().endswith(_ENDINGS)
    try:
        with in_words("This file cannot be read.", path, "Export it again."):
            if is_image:
                grid = read_grid(path)
                return replace(read, kind="image", shape=grid.shape, spacing=grid.spacing)
            header = replace(read_header(path), file=Path())
    except NotDicomError:
        return replace(read, fault=archives.FAULT) if archives.is_archive(path) else read
    except RicenetError as error:
        return replace(read, kind="image" if is_image else "unreadable", fault=error.what)
    return read if header.is_directory else replace(read, kind="dicom", header=header)


def _remedy(files: dict[str, ReadFile]) -> str:
    if any(file.fault == archives.FAULT for file in files.values()):
        return "Unpack the archives first."
    return "Specify the folder of an export, with all folders below it."


def _series(folder: Path, files: dict[str, ReadFile]) -> dict[str, DicomSeries]:
    headers = [
        file.header.at(folder / name) for name, file in files.items() if file.header is not None
    ]
    images = [header for header in headers if header.modality in _IMAGES]
    others = [header for header in headers if header.modality not in _IMAGES]
    parts = [*split_series(images), *_unsplit(others)]
    return {_key_of(part, folder): part for part in parts}


def _unsplit(headers: Sequence[DicomHeader]) -> list[DicomSeries]:
    """Objects that are no slices: doses of a plan in one series belong together, others do not."""
    groups: dict[tuple[str, ...], list[DicomHeader]] = {}
    for header in headers:
        groups.setdefault(_name(header), []).append(header)
    return [
        DicomSeries(tuple(unique), copies=len(group) - len(unique))
        for group in groups.values()
        for unique in [without_copies(group)]
    ]


def _name(header: DicomHeader) -> tuple[str, ...]:
    """Key of a series that is not split; for a single file, the file."""
    place = (header.patient, header.modality, header.series)
    if header.modality in _IMAGES and header.series:
        return place
    if header.modality == "RTDOSE":
        return (*place, *header.plans)
    return (*place, header.instance or str(header.file))


def _key_of(series: DicomSeries, folder: Path) -> str:
    first = series.first
    below = replace(first, file=Path(os.path.relpath(first.file, folder)))
    return _key(*_name(below), str(series.part))


def _key(*parts: str) -> str:
    """A name of a series that stays the same, and that no spreadsheet takes for a number."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"s{digest[:_KEY_DIGITS]}"


def _folder_of(series: DicomSeries, folder: Path) -> str:
    return in_utf8(os.path.relpath(series.first.file.parent, folder))


def _row(key: str, series: DicomSeries, place: str, owner: SeriesOwner) -> ScannedSeries:
    first = series.first
    verdict, spacing, slices = _OBJECTS.get(first.modality, "not used"), "", 0
    if first.modality in _IMAGES:
        stack = series.stack()
        verdict = "volume" if isinstance(stack, Stack) else f"no volume: {stack.kind}, {stack.got}"
        slices = sum(len(header.positions) for header in series.headers)
        if isinstance(stack, Stack):
            steps = (stack.spacing, *first.spacing)
            spacing = " x ".join(f"{step:.4g}" for step in steps)
    plans = {uid for header in series.headers for uid in header.plans}
    return ScannedSeries(
        key=key,
        verdict=verdict,
        patient=owner.patient,
        modality=first.modality,
        description=first.description,
        date=first.date,
        files=len(series.headers),
        slices=slices,
        spacing=spacing,
        contrast_agent=any(header.has_contrast_agent for header in series.headers),
        image_type="\\".join(first.image_type),
        split_by=", ".join(series.differs),
        frame_of_reference=first.frame_of_reference,
        plan=first.instance if first.modality == "RTPLAN" else " ".join(sorted(plans)),
        fractions=first.fractions,
        folder=place,
        patient_by=owner.by,
    )


def _image_row(
    key: str, path: Path, name: str, file: ReadFile, place: ImagePlace, date: str
) -> ScannedSeries:
    sidecar = read_sidecar(path)
    return ScannedSeries(
        key=key,
        verdict=f"no volume: {file.fault}" if file.fault else "volume",
        patient=in_utf8(place.patient),
        description=in_utf8(name),
        date=date,
        files=1,
        slices=file.shape[0] if file.shape else 0,
        spacing=" x ".join(f"{step:.4g}" for step in file.spacing) if file.spacing else "",
        contrast_agent=sidecar.contrast_agent,
        folder=in_utf8(str(Path(name).parent)),
        patient_by=place.by,
        session=in_utf8(place.session),
        sidecar=" ".join(part for part in (sidecar.modality, sidecar.description) if part),
    )
