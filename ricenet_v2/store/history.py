"""The epochs of a fold, as history.csv holds them."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.run import EpochRow
from ricenet_v2.store.tables import read_rows


def read_history(path: Path) -> tuple[EpochRow, ...]:
    """Rows of history.csv.

    Raises:
        DatasetError: Missing, damaged, or with other columns or cells than numbers.
    """
    return tuple(_epoch(row, path) for row in read_rows(path))


def _epoch(row: dict[str, str], path: Path) -> EpochRow:
    try:
        return EpochRow.of(row)
    except (LookupError, TypeError, ValueError) as error:
        raise DatasetError(
            "A row of this history of a training cannot be used.",
            file=path,
            expected="a number in each of the columns that ricenet_train writes",
            got=", ".join(f"{name} {cell!r}" for name, cell in row.items())[:300],
            remedy="Delete the file: the report then has no curves of this fold.",
        ) from error
