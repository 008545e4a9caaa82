"""The folder in which a person prepares a conversion: series.csv, manifest.csv, key of the ids.

All of it identifies patients: folder and files are for their owner alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.core import html
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.ingest.manifest import EVENT, NAME, POST_OP, read_manifest, write_manifest
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.scan import Scan, scan
from ricenet_v2.ingest.scan_tables import write_series, write_unread
from ricenet_v2.ingest.structures import roi_names
from ricenet_v2.records.manifest import ImageColumn, Manifest, ManifestRow
from ricenet_v2.store.tables import read_table, write_rows

SERIES, UNREAD, PATIENTS, REFUSED = "series.csv", "unread.csv", "patients.csv", "refused"
_STUDIES = "studies.txt"
_PUT_BACK = "Put them back, or scan them again where they are, into the same folder."
CaseNames = Callable[[ManifestRow], str]


@dataclass(frozen=True)
class ScanDraft:
    """Outcome of a scan.

    Attributes:
        scan: Scan of the tree.
        manifest: Manifest as it was written.
        n_kept: Number of rows that existed before.
        is_private: Whether the folder is its owner's alone.
    """

    scan: Scan
    manifest: Manifest
    n_kept: int
    is_private: bool

    def _repr_html_(self) -> str:
        """Series by verdict, for notebooks; no patient is named."""
        verdicts = Counter(row.verdict.partition(",")[0] for row in self.scan.rows)
        return html.table(
            "Scan",
            ("verdict", "series"),
            sorted(verdicts.items()),
            f"Cases in the manifest: {len(self.manifest.rows)}, of which {self.n_kept} as before.",
            f"Files that cannot be read: {len(self.scan.unread)}.",
        )


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


def check_apart(folder: Path, others: Mapping[str, Path]) -> None:
    """Refuse results that would be passed on with names of patients, or be scanned as studies.

    Args:
        folder: Folder of the results.
        others: The folder of the scan and that of the studies, each by its name in the message.

    Raises:
        DatasetError: The first lies in one of the others, or around it; links are followed.
    """
    output = folder.resolve()
    for name, other in others.items():
        place = other.resolve()
        if output == place or output in place.parents or place in output.parents:
            raise DatasetError(
                f"The output folder and {name} lie in each other.",
                file=folder,
                expected="results that can be passed on without names of patients, and that the "
                "next scan does not take for studies",
                remedy="Name an output folder elsewhere.",
            )


def draft_manifest(
    studies: Path, work: Path, columns: tuple[ImageColumn, ...] = (POST_OP, EVENT)
) -> ScanDraft:
    """Scan a tree and write series.csv and manifest.csv; rows of a manifest that is there stay.

    Args:
        studies: The tree.
        work: Folder that is written.
        columns: Columns of images, where there is no manifest yet.

    Raises:
        DatasetError: The tree holds nothing, the manifest that is there cannot be understood, or
            a series.csv is there that no scan wrote.
        OSError: Nothing can be written into `work`.
    """
    path = work / NAME
    if (work / SERIES).exists() and not (work / _STUDIES).exists():
        raise DatasetError(
            "This folder holds another table of the same name.",
            file=SERIES,
            expected="a new folder, or that of an earlier scan",
            got=f"no {_STUDIES} beside it",
            remedy="Choose another folder with -o.",
        )
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
    # First, since by it the folder is known as that of a scan.
    write_studies_path(work, studies)
    write_series(work / SERIES, result.rows)
    write_unread(work / UNREAD, result.unread)
    if earlier is None or manifest != earlier:
        write_manifest(path, manifest)
    n_kept = len(earlier.rows) if earlier else 0
    return ScanDraft(result, manifest, n_kept, work.stat().st_mode & 0o077 == 0)


def write_studies_path(work: Path, studies: Path) -> None:
    """Keep where the tree lies, for its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(work / _STUDIES, is_private=True) as temporary:
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
    write_rows(path, list(known.values()), columns, is_private=True)


def known_studies(work: Path) -> Path | None:
    """The tree that a folder was made of; None where it is not that of a scan."""
    try:
        text = read_bytes(work / _STUDIES).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    return Path(text.removesuffix("\n"))


def studies_of(work: Path) -> Path:
    """The tree that a folder was made of.

    Raises:
        DatasetError: It is not the folder of a scan, or the tree is gone.
    """
    studies = known_studies(work)
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
            remedy=_PUT_BACK,
        )
    return studies


def scan_again(work: Path, *, keep: bool = True) -> Scan:
    """Scan the tree again that a folder was made of; files that did not change are not read.

    Args:
        work: The folder.
        keep: Whether headers are kept for the next time.

    Raises:
        DatasetError: It is not the folder of a scan, or the tree is gone or empty.
    """
    studies = studies_of(work)
    try:
        return scan(studies, work, keep=keep)
    except DatasetError as error:  # its path may name patients
        raise error.with_parts(file=_STUDIES, remedy=_PUT_BACK) from None
