"""Covariates of cases.csv: numbers that cannot be read as numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from ricenet_v2.core.listing import first_of
from ricenet_v2.fingerprinting.checks_rows import TABLE
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.cells import has_comma, known, name_in, numbers
from ricenet_v2.records.covariates import MOST_CATEGORIES
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.identity import is_identity
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, PRESCRIPTION_COLUMNS, positive

_OF_THE_PROGRAM = (*PRESCRIPTION_COLUMNS, FRACTIONS_COLUMN)
_ONE_IN, _MOST_NAMED = 5, 3
_WITH_UNIT = re.compile(r"([+-]?[0-9]+(?:[.,][0-9]+)?)\s*([^\W\d_]+|%)")


def check_covariates(cases: Sequence[Case]) -> list[Finding]:
    """Numbers with commas that may mean two things or with units, and single words among them."""
    names = sorted({name for case in cases for name in case.covariates})
    findings = _computed_with(cases)
    for name in names:
        if name not in _OF_THE_PROGRAM:
            cells = {case.case_id: case.covariates.get(name, "") for case in cases}
            findings += _of_column(name, cells)
    return findings


def _computed_with(cases: Sequence[Case]) -> list[Finding]:
    """Covariates that this program computes with are numbers, or say that nothing is known."""
    return [
        warning(
            "covariate",
            Place(case.case_id, TABLE),
            found=f"{name} is {case.covariates[name]!r}",
            expected="a number above 0 with a decimal point and without a unit, or an empty cell "
            "where it is not known",
            remedy=f"Write the number alone; as it stands the {name} of the case is not known.",
        )
        for case in cases
        for name in _OF_THE_PROGRAM
        if not _is_number_or_nothing(case.covariates.get(name, ""))
    ]


def _is_number_or_nothing(cell: str) -> bool:
    return positive(cell) is not None or not name_in(cell)


def _of_column(name: str, cells: Mapping[str, str]) -> list[Finding]:
    """A column of numbers some of which are none makes words of all of them."""
    filled = {case: cell for case, cell in cells.items() if name_in(cell)}
    not_numbers = {case: cell for case, cell in filled.items() if not _is_number(cell)}
    commas = {case: cell for case, cell in filled.items() if has_comma(cell)}
    if numbers(filled.values()) is not None:
        return []
    if all(map(has_comma, not_numbers.values())):
        listed = ", ".join(f"{case} {cell!r}" for case, cell in list(commas.items())[:_MOST_NAMED])
        return [
            error(
                "covariate",
                Place(file=TABLE),
                found=f"{name} has commas that may be of decimals or of thousands: {listed}",
                expected="a decimal point (1.234), and no comma in thousands (1234)",
                remedy="Write the numbers so in cases.csv. A column in which some cell can only be "
                "one of them (60,5 or 1,234.5) is read as it is meant.",
            )
        ]
    if unit := _unit_of(filled.values()):
        written, expected = f"a unit in every cell ({unit})", "numbers without a unit"
    elif _ONE_IN * len(not_numbers) <= len(filled) and not is_identity(name, filled.values()):
        written, expected = "words among numbers", "numbers without a unit, or words, in one column"
    else:
        return []
    shown = first_of([f"{case} {cell!r}" for case, cell in not_numbers.items()], _MOST_NAMED)
    return [
        warning(
            "covariate",
            Place(file=TABLE),
            found=f"{name} has {written}: {shown}",
            expected=expected,
            remedy="Write numbers, or an empty cell where it is not known. As it stands, the "
            "whole column is text, also for subgroups and ricenet_baseline.",
        )
    ]


def _unit_of(cells: Iterable[str]) -> str:
    """The unit behind the number of every cell; empty where some has none, or words would do."""
    matches = [_WITH_UNIT.fullmatch(known(cell)) for cell in cells]
    found = [match.groups() for match in matches if match]
    values, units = {value for value, _ in found}, {unit for _, unit in found}
    is_column = len(found) == len(matches) and len(values) > MOST_CATEGORIES and len(units) == 1
    return units.pop() if is_column else ""


def _is_number(cell: str) -> bool:
    values = numbers([known(cell)])
    return has_comma(cell) or (values is not None and not math.isnan(values[0]))
