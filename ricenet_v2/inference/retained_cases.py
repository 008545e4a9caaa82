"""Files of earlier commands in an output folder for cases that are not present now.

Commands that continue with such a folder write its tables again, and lose nothing in them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.listing import first_of
from ricenet_v2.core.names import shown
from ricenet_v2.core.spelling import composed
from ricenet_v2.store import tables

logger = logging.getLogger(__name__)

Value = TypeVar("Value")
_SHOWN = 5
_LONGEST = 200


@dataclass(frozen=True)
class Finished(Generic[Value]):
    """The files of single cases, by the case's name in the composed Unicode normal form.

    Attributes:
        whole: Content of the files.
        damaged: Why others cannot be used, in words.
    """

    whole: Mapping[str, Value] = field(default_factory=dict)
    damaged: Mapping[str, str] = field(default_factory=dict)

    def cases(self) -> set[str]:
        """Names of all that have a file."""
        return {*self.whole, *self.damaged}

    def damaged_of_others(self, present: Iterable[str]) -> dict[str, str]:
        """Damaged files of cases that are not present, and in words what is to be done."""
        return {
            case: f"The file of this case in the folder cases cannot be used ({why}), and its "
            "images are not among these. Run the command with its images and --continue."
            for case, why in of_others(self.damaged, present).items()
        }


def files_of_cases(folder: Path) -> list[Path]:
    """The files of single cases; hidden ones are what a kill left of one that was being written."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def read_each(files: Iterable[Path], read: Callable[[Path], Value]) -> Finished[Value]:
    """Read the files of single cases; one that is damaged is the fault of its case alone.

    Args:
        files: Files of the cases, as `files_of_cases` returns them.
        read: Reads one; raises a DocumentError where it cannot be used.
    """
    whole, damaged = {}, {}
    for file in files:
        case = composed(file.stem)
        try:
            whole[case] = read(file)
        except DocumentError as error:
            got = "" if error.got is None else f": {error.got}"[:_LONGEST]
            damaged[case] = error.what.rstrip(".") + got
    return Finished(whole, damaged)


def check_own_file(case_id: str, file: Path) -> None:
    """Refuse the file of another case.

    Raises:
        DocumentError: It is.
    """
    if composed(case_id) != composed(file.stem):
        raise DocumentError("This is the file of another case.", file=file, got=case_id)


def of_others(earlier: Mapping[str, Value], present: Iterable[str]) -> dict[str, Value]:
    """The earlier cases that are not among the present ones, in any Unicode normal form."""
    here = {composed(shown(case)) for case in present}
    return {case: value for case, value in earlier.items() if composed(shown(case)) not in here}


def check_rows(table: Path, finished: Collection[str], present: Iterable[str]) -> None:
    """Refuse to replace a table whose rows could not be written again.

    Args:
        table: Table of an earlier command, if there was one.
        finished: Cases that have a file of their own, in the composed normal form.
        present: Cases of this command.

    Raises:
        DatasetError: The table has rows of cases without such a file that are not present or, where
            no case has one, may have any origin; or it cannot be read.
    """
    if not table.is_file():
        return
    here = {composed(case) for case in present} if finished else set()
    rows = dict.fromkeys(composed(row.get("case_id", "")) for row in tables.read_rows(table))
    lost = [case for case in rows if case not in finished and case not in here]
    if lost:
        raise DatasetError(
            "Rows of this table would be lost: nothing else in the folder describes their cases.",
            file=table,
            expected="a file in the folder cases for each of them, as the command writes it",
            got=f"none of {listed(lost)}",
            remedy="Choose another folder with -o, or move the table away.",
        )


def warn_kept(what: str, cases: Collection[str]) -> None:
    """Log which earlier cases stay; `what` is e.g. `predictions`."""
    if cases:
        logger.warning(
            "The %s of cases that are not among these images are kept from earlier commands: %s.",
            what,
            listed(cases),
        )


def listed(cases: Iterable[str]) -> str:
    """Some names, and the number of the others."""
    return first_of([shown(case) for case in cases], _SHOWN)
