"""Which isodose lines a case has."""

import numpy as np
import pytest

from ricenet_v2.reporting.case.isodose import isodoses

DOSE = np.linspace(0, 50, 1001, dtype=np.float32)


def test_shares_of_the_prescription():
    lines = isodoses({"prescription_gy": "60"}, DOSE)
    assert [(one.percent, one.gray) for one in lines.lines] == [
        (95, 57.0),
        (80, 48.0),
        (50, 30.0),
        (20, 12.0),
    ]
    # 50 Gy at most: the 95 % line of 60 Gy is not reached.
    assert [one.is_reached for one in lines.lines] == [False, True, True, True]
    assert lines.lines[1].label == "80 % (48 Gy)"
    assert "prescription, 60 Gy" in lines.reference


def test_the_plateau_where_no_prescription_is_known():
    lines = isodoses({"fractions": "30"}, DOSE)
    assert lines.lines[2].gray == pytest.approx(0.5 * np.percentile(DOSE, 99.9))
    assert "99.9th percentile" in lines.reference
    assert "no prescription is known" in lines.reference


def test_the_prescription_is_read_as_the_regression_reads_it():
    assert "prescription, 40" in isodoses({"prescription": "40.05"}, DOSE).reference


def test_no_dose_no_lines():
    assert isodoses({"prescription_gy": "60"}, np.zeros(5, np.float32)) is None
