"""What stands for nothing in a table, numbers of cells, and the prescription."""

import math

import pytest

from ricenet_v2.records.cells import known, numbers
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
