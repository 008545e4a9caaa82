"""The prescription of a case, and the dose that counts as 100 %."""

import numpy as np
import pytest

from ricenet_v2.records.prescription import FullDose, full_dose, prescription_of

DOSE = np.linspace(0, 50, 1001, dtype=np.float32).reshape(7, 11, 13)


def test_the_first_column_with_a_dose_is_taken():
    assert prescription_of({"prescription": "40.05"}) == 40.05
    assert prescription_of({"prescription_gy": "60", "prescription": "40"}) == 60
    assert prescription_of({"prescription_gy": "60 Gy", "prescription": "40"}) == 40


def test_the_prescription_counts_as_100_percent_whatever_the_dose_reaches():
    assert full_dose({"prescription_gy": "60"}, DOSE) == FullDose(60, is_prescribed=True)


@pytest.mark.parametrize("cell", ["", "unknown", "-60", "nan", "inf", "60 Gy"])
def test_without_a_prescription_the_plateau_counts(cell):
    # 1001 values in even steps of 0.05 Gy: the 999th of 1000 steps.
    full = full_dose({"prescription_gy": cell}, DOSE)
    assert (full.gray, full.is_prescribed) == (pytest.approx(49.95, abs=1e-4), False)


def test_a_dose_in_few_voxels_counts_by_its_maximum():
    spot = np.zeros((20, 20, 20), np.float32)
    spot[3, 4, 5] = 7
    assert full_dose({}, spot) == FullDose(7, is_prescribed=False)


def test_without_any_dose_nothing_is_100_percent():
    assert full_dose({"prescription_gy": "60"}, np.zeros((2, 2, 2), np.float32)) is None
