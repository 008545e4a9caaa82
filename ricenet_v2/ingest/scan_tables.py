"""Tables of a scan: series.csv, a row a series, and unread.csv, a row a file it cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from ricenet_v2.ingest.scan import UnreadFile
from ricenet_v2.records.scanned import ScannedSeries
from ricenet_v2.store.tables import write_rows


def write_series(path: Path, rows: Sequence[ScannedSeries]) -> None:
    """Write series.csv, which names patients: it is readable by its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    write_rows(
        path,
        [asdict(row) for row in rows],
        [each.name for each in fields(ScannedSeries)],
        is_private=True,
    )


def write_unread(path: Path, unread: Sequence[UnreadFile]) -> None:
    """Write unread.csv, whose paths may name patients: it is readable by its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    write_rows(
        path,
        [asdict(each) for each in unread],
        [each.name for each in fields(UnreadFile)],
        is_private=True,
    )
