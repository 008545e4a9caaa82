"""What earlier commands left in an output folder of cases that are not in the present images.

Commands that go on with such a folder write its tables anew, and lose nothing that stands in them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import shown
from ricenet_v2.core.spelling import composed
from ricenet_v2.store import tables

logger = logging.getLogger(__name__)

Value = TypeVar("Value")
_SHOWN = 5


def of_others(earlier: Mapping[str, Value], present: Iterable[str]) -> dict[str, Value]:
    """The earlier cases that are none of the present ones, in whatever Unicode normal form."""
    here = {composed(shown(case)) for case in present}
    return {case: value for case, value in earlier.items() if composed(shown(case)) not in here}


def check_rows(table: Path, finished: Collection[str], present: Iterable[str]) -> None:
    """Refuse to write a table anew where its rows could not be made again.

    Args:
        table: That an earlier command wrote, maybe.
        finished: Cases that have a file of their own, in the composed normal form.
        present: Cases of this command.

    Raises:
        DatasetError: The table has rows of cases without such a file, which are not present or, as
            no case has one, may have been made by anything; or it cannot be read.
    """
    if not table.is_file():
        return
    here = {composed(case) for case in present} if finished else set()
    rows = dict.fromkeys(composed(row.get("case_id", "")) for row in tables.read_rows(table))
    lost = [case for case in rows if case not in finished and case not in here]
    if lost:
        raise DatasetError(
            "Rows of this table would be lost: nothing else in the folder tells of their cases.",
            file=table,
            expected="a file in the folder cases for each of them, as the command writes it",
            got=f"none of {listed(lost)}",
            remedy="Name another folder with -o, or move the table away.",
        )


def tell_kept(what: str, cases: Collection[str]) -> None:
    """Log which earlier cases stay; `what` is e.g. `predictions`."""
    if cases:
        logger.warning(
            "The %s of cases that are not among these images are kept from earlier commands: %s.",
            what,
            listed(cases),
        )


def listed(cases: Iterable[str]) -> str:
    """Some names, and the number of the others."""
    names = [shown(case) for case in cases]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
