"""The volume of a mask."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.voxels.volumes import millilitres


def test_a_box_has_the_product_of_its_sides() -> None:
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[2:5, 1:9, 3:8] = True  # 9 mm by 16 mm by 7.5 mm
    assert millilitres(mask, (3.0, 2.0, 1.5)) == pytest.approx(1.08)
    assert millilitres(np.zeros_like(mask), (3.0, 2.0, 1.5)) == 0
