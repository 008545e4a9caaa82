"""Covariates that are meant as numbers and cannot be read as such."""

from __future__ import annotations

import pytest

from ricenet_v2.fingerprinting.checks_covariates import check_covariates
from ricenet_v2.records.dataset import Case


def told(name: str, cells: list[str]) -> list[str]:
    cases = [Case(f"c{n}", f"p{n}", "a", covariates={name: cell}) for n, cell in enumerate(cells)]
    findings = check_covariates(cases)
    assert all(one.severity == "warning" for one in findings)
    return [one.found for one in findings]


def test_decimal_commas_are_read_and_need_no_word() -> None:
    assert told("age", ["60,5", "61", "NA", *(f"{n},25" for n in range(50, 60))]) == []


@pytest.mark.parametrize("cells", [["1,234", "2,345", "12"], ["1,234", "1.234"]])
def test_commas_of_which_nobody_knows_what_they_mean_are_an_error(cells: list[str]) -> None:
    cases = [Case(f"c{n}", f"p{n}", "a", covariates={"x": cell}) for n, cell in enumerate(cells)]
    (found,) = check_covariates(cases)
    assert found.severity == "error"
    assert "x has commas that may be of decimals or of thousands: c0 '1,234'" in found.found


def test_a_word_among_numbers_with_commas_is_told() -> None:
    (found,) = told("age", [*(f"5{n},5" for n in range(8)), "abt 55"])
    assert "words among numbers" in found


def test_one_word_among_numbers_is_told() -> None:
    (found,) = told("age", ["50", "51", "", "abt 55", "52", "53"])
    assert found == "age has words among numbers: c3 'abt 55'"


@pytest.mark.parametrize(
    "cells",
    [
        ["50", "51", "NA", "none", "?", "1e2"],
        ["a", "b", "1", "2"],  # words, some of which are digits
        ["3T", "1.5T"],
        ["", "-"],
        ["Siemens, Skyra", "GE"],
    ],
)
def test_numbers_and_words_pass(cells: list[str]) -> None:
    assert told("x", cells) == []


@pytest.mark.parametrize("unit", ["Y", " years", " Gy", "%"])
def test_a_unit_in_every_cell_is_told(unit: str) -> None:
    """So many texts are left out of a comparator, and each would be a group of its own."""
    (found,) = told("age", [*(f"{n},5{unit}" for n in range(50, 62)), "unknown"])
    assert found.startswith(f"age has a unit in every cell ({unit.strip()}): c0 '50,5{unit}'")


def test_ids_and_dates_are_no_numbers() -> None:
    assert told("mrn", ["1234567", "1234568", "1234569", "1234570", "X123"]) == []


@pytest.mark.parametrize("name", ["fractions", "prescription_gy"])
def test_what_is_computed_with_is_told_for_each_case(name: str) -> None:
    assert told(name, ["54,4", "1,234", "30", "None", "30x2"]) == [
        f"{name} is '1,234'",
        f"{name} is '30x2'",
    ]
