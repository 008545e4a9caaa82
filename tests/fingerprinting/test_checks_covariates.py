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


def test_decimal_commas_are_told_once_for_a_column() -> None:
    cells = ["60,5", "61", "NA", *(f"{n},25" for n in range(50, 60))]
    (found,) = told("age", cells)
    assert found.startswith("age has numbers with commas: c0 '60,5', c3 '50,25', c4 '51,25' and 8")


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


def test_ids_and_dates_are_no_numbers() -> None:
    assert told("mrn", ["1234567", "1234568", "1234569", "1234570", "X123"]) == []


@pytest.mark.parametrize("name", ["fractions", "prescription_gy"])
def test_what_is_computed_with_is_told_for_each_case(name: str) -> None:
    assert told(name, ["54,4", "30", "None", "30x2"]) == [
        f"{name} is '54,4'",
        f"{name} is '30x2'",
    ]
