"""What stands for nothing in a table, numbers of cells, and the prescription."""

import math

import pytest

from ricenet_v2.records.cells import has_comma, known, numbers, with_points
from ricenet_v2.records.prescription import prescription_of


@pytest.mark.parametrize("cell", ["", " ", "NA", "N/A", "nan", "NaN", "unknown", "Unknown", "-"])
def test_words_for_nothing_are_empty(cell):
    assert known(cell) == ""


def test_one_missing_number_does_not_make_words_of_a_column():
    found = numbers(["50", "NA", "None", "inf", "1e3"])
    assert found[0] == 50
    assert found[4] == 1000
    assert all(math.isnan(value) for value in found[1:4])
    assert numbers(["50", "fifty"]) is None
    assert known(" none ") == "none"  # a finding among words


@pytest.mark.parametrize(
    ("covariates", "dose"),
    [
        ({"prescription_gy": "60"}, 60),
        ({"prescription": "54.5"}, 54.5),
        ({"prescription_gy": "nan", "prescription": "60"}, 60),
        ({"prescription_gy": "-5"}, None),
        ({"prescription_gy": "inf"}, None),
        ({"prescription_gy": "60 Gy"}, None),
        ({"prescription_gy": "0"}, None),
        ({}, None),
    ],
)
def test_a_prescription_is_a_finite_dose_above_nothing(covariates, dose):
    assert prescription_of(covariates) == dose


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["60,5", "61", "n/a"], [60.5, 61, math.nan]),
        (["0,731", "0,269"], [0.731, 0.269]),  # no thousands begin with 0
        (["1,234", "0,5"], [1.234, 0.5]),
        (["1.234,5", "7,25", "12"], [1234.5, 7.25, 12]),
        (["1,234.5", "1,234", "7.25"], [1234.5, 1234, 7.25]),
        (["1,234,567", "12"], [1234567, 12]),
        (["-3,5e2", ",5"], [-350, 0.5]),
        (["1.5", "2,5"], [1.5, 2.5]),
    ],
)
def test_numbers_are_read_as_people_write_them(cells, values):
    assert numbers(cells) == pytest.approx(values, nan_ok=True)
    assert [*map(float, filter(known, with_points(cells)))] == pytest.approx(
        [value for value in values if not math.isnan(value)]
    )


@pytest.mark.parametrize(
    "cells", [["1,234", "2,345"], ["1,234"], ["1,234", "1.234"], ["1,2,3"], ["0,5", "x"], ["1,5,"]]
)
def test_what_may_mean_two_things_is_no_number(cells):
    assert numbers(cells) is None
    assert with_points(cells) is None


def test_commas_of_numbers_and_of_texts():
    assert all(map(has_comma, ["60,5", "1,234", "1.234,5", "1,234.5", ",5"]))
    assert not any(map(has_comma, ["60.5", "a,5", "1,2,3", "", "Siemens, Skyra"]))


def test_a_prescription_with_a_comma_is_that_prescription():
    assert prescription_of({"prescription_gy": "59,4"}) == 59.4
    assert prescription_of({"prescription_gy": "1,234"}) is None
