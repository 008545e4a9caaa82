"""The folder in which a person prepares a conversion: series.csv, manifest.csv, key of the ids.

All of it identifies patients: folder and files are for their owner alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.ingest.manifest import EVENT, NAME, POST_OP, read_manifest, write_manifest
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.scan import Scan, scan, write_series
from ricenet_v2.ingest.structures import roi_names
from ricenet_v2.records.manifest import ImageColumn, Manifest, ManifestRow
from ricenet_v2.store.tables import read_table, write_rows

SERIES, PATIENTS = "series.csv", "patients.csv"
_STUDIES = "studies.txt"
CaseNames = Callable[[ManifestRow], str]


@dataclass(frozen=True)
class ScanDraft:
    """What a scan wrote.

    Attributes:
        scan: Of the tree.
        manifest: As it was written.
        n_kept: How many of its rows were there before.
        is_private: Whether the folder is its owner's alone.
    """

    scan: Scan
    manifest: Manifest
    n_kept: int
    is_private: bool


@contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for its owner alone, and take it away where nothing came into it.

    One that is there stays as it is.
    """
    is_new = not folder.exists()
    if is_new:
        folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        if is_new:
            with suppress(OSError):  # something came into it
                folder.rmdir()


def check_apart(work: Path, folder: Path) -> None:
    """Refuse a folder of results that the key and the names of patients would be copied with.

    Raises:
        DatasetError: `work` is, or lies in, `folder`.
    """
    inner, outer = work.resolve(), folder.resolve()
    if inner == outer or outer in inner.parents:
        raise DatasetError(
            "The folder of the manifest lies in the output folder.",
            file=folder,
            expected="results that can be passed on without names of patients",
            remedy="Name an output folder elsewhere.",
        )


def draft_manifest(
    studies: Path, work: Path, columns: tuple[ImageColumn, ...] = (POST_OP, EVENT)
) -> ScanDraft:
    """Scan a tree and write series.csv and manifest.csv; rows of a manifest that is there stay.

    Args:
        studies: The tree.
        work: Folder that is written.
        columns: Of images, where there is no manifest yet.

    Raises:
        DatasetError: The tree holds nothing, or the manifest that is there cannot be understood.
        OSError: Nothing can be written into `work`.
    """
    path = work / NAME
    earlier = read_manifest(path) if path.exists() else None
    result = scan(studies, work)
    names = {
        row.key: roi_names(result.series[row.key].first.file)
        for row in result.rows
        if row.verdict == "structures"
    }
    columns = columns if earlier is None else earlier.columns
    rows = propose(result.rows, names, earlier)
    manifest = Manifest(
        columns, tuple(replace(row, images=_of(row.images, columns)) for row in rows)
    )
    write_series(work / SERIES, result.rows)
    if earlier is None or manifest != earlier:
        write_manifest(path, manifest)
    write_studies_path(work, studies)
    n_kept = len(earlier.rows) if earlier else 0
    return ScanDraft(result, manifest, n_kept, work.stat().st_mode & 0o077 == 0)


def write_studies_path(work: Path, studies: Path) -> None:
    """Keep where the tree lies, for its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(work / _STUDIES) as temporary:
        temporary.touch(mode=0o600)
        text = f"{studies.resolve()}\n"
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))


def _of(images: dict[str, str], columns: tuple[ImageColumn, ...]) -> dict[str, str]:
    return {column.title: images.get(column.title, "") for column in columns}


def write_patients(work: Path, rows: Iterable[ManifestRow], case_of: CaseNames) -> None:
    """Write which patient each case id stands for, into a table that its owner alone can read.

    Rows of a table that is there stay.

    Raises:
        DatasetError: The table that is there cannot be understood.
        OSError: It cannot be written.
    """
    path, columns = work / PATIENTS, ("case_id", "patient", "case")
    there = read_table(path, of_spreadsheet=True).rows if path.exists() else ()
    known = {row["case_id"]: dict(row) for row in there}
    known |= {
        case_of(row): {"case_id": case_of(row), "patient": row.patient, "case": row.case}
        for row in rows
    }
    write_rows(path, list(known.values()), columns)
    path.chmod(0o600)


def studies_of(work: Path) -> Path | None:
    """The tree that a folder was made of; None where it is not that of a scan."""
    try:
        text = read_bytes(work / _STUDIES).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    return Path(text.removesuffix("\n"))


def scan_again(work: Path, *, keep: bool = True) -> Scan:
    """Scan the tree again that a folder was made of; files that did not change are not read.

    Args:
        work: The folder.
        keep: Whether headers are kept for the next time.

    Raises:
        DatasetError: There is no such folder, or the tree is gone.
    """
    studies = studies_of(work)
    if studies is None:
        raise DatasetError(
            "The folder of this manifest is not that of a scan.",
            file=NAME,
            expected=f"{_STUDIES} beside it, which says where the studies are",
            remedy="Run ricenet_convert scan STUDIES -o WORK, and keep the manifest in WORK.",
        )
    if not studies.is_dir():
        raise DatasetError(
            "The studies are no longer where they were scanned.",
            file=_STUDIES,
            expected="the folder that it names",
            remedy="Put them back, or scan them again where they are, into the same folder.",
        )
    return scan(studies, work, keep=keep)
