"""What is black and what is white, by kind of image."""

import numpy as np
import pytest

from ricenet_v2.records.dataset import Channel
from ricenet_v2.reporting.case.windows import window_of

VALUES = np.linspace(0, 1000, 100_001, dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "values", "low", "high"),
    [
        ("dose", VALUES, 0, 1000),
        ("dose", np.zeros(4, np.float32), 0, 1),
        ("mri", VALUES, 0, 998),
        ("mri", 1e12 * VALUES, 0, 9.98e14),
        ("mri", 1e-12 * VALUES, 0, 9.98e-10),
        ("mri", np.full(4, -3, np.float32), -3, -2),
        ("pet", VALUES - 500, -490, 498),
        ("mask", np.zeros(4, np.float32), 0, 1),
        ("ct", VALUES - 1000, -160, 240),
        ("ct", VALUES / 1000 + 5000, 5000.01, 5000.998),  # no HU, or none of a patient
    ],
)
def test_windows_by_kind(kind, values, low, high):
    assert window_of(Channel("a", kind), values) == pytest.approx((low, high), rel=2e-3)
