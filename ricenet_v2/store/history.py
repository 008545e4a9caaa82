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
    made = []
    for number, row in enumerate(read_rows(path), start=2):
        try:
            made.append(EpochRow.of(row))
        except (LookupError, TypeError, ValueError) as error:
            raise DatasetError(
                f"Row {number} of this history of a training cannot be used.",
                file=path,
                expected="a number in each of the columns that ricenet_train writes",
                got=", ".join(f"{name} {cell!r}" for name, cell in row.items())[:300],
                remedy="Delete the file: the report then has no curves of this fold.",
            ) from error
    return tuple(made)
