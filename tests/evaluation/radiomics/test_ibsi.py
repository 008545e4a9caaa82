"""Features against the published values of the digital phantom of the IBSI.

Source: Image Biomarker Standardisation Initiative, reference manual, arXiv 1612.07003, chapters
"Image features" and "Reference data sets" (https://ibsi.readthedocs.io): the voxels of the phantom,
and for each feature the reference value in 3D, its tolerance, and the strength of the consensus.
"""

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.evaluation.radiomics import ibsi

BENCHMARK = Path(__file__).with_name("ibsi_1_digital_phantom.csv")
_ = 0  # not in the region
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [_, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, _, _], [1, 1, 1, 1, 1], [1, 1, _, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, _, _], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
"""Axes (z, y, x), voxels of 2 mm."""
POWERS_OF_MM = {
    "volume": 3, "vol_approx": 3, "area_mesh": 2, "av": -1, "diam": 1, "pca_maj_axis": 1,
    "pca_min_axis": 1, "pca_least_axis": 1,
}  # fmt: skip


def benchmark():
    with BENCHMARK.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def agrees(row, value):
    """Whether a value lies within the tolerance and the rounding of the published one."""
    last = int(Decimal(row["value"]).as_tuple().exponent)
    width = float(row["tolerance"]) + 0.5 * 10.0**last
    return abs(value - float(row["value"])) <= width * (1 + 1e-9)


def test_every_feature_that_is_offered_has_a_published_value():
    offered = (*ibsi.SHAPE, *ibsi.FIRST_ORDER, *ibsi.TEXTURE)
    assert [row["abbreviation"] for row in benchmark()] == list(offered)
    assert len(offered) == 134
    assert {row["consensus"] for row in benchmark()} == {"moderate", "strong", "very strong"}


def test_all_features_of_the_digital_phantom_are_those_of_the_ibsi():
    pytest.importorskip("mirp", reason="pip install '.[radiomics]' to compute features")
    mask = PHANTOM > 0
    # One grey level for each of the intensities 1 to 6.
    image = PHANTOM.astype(np.float32)
    values = ibsi.first_order_of(image, mask) | ibsi.texture_of(image, mask, n_bins=6)
    for name, value in ibsi.shape_of(mask).items():
        values[name] = value * 2.0 ** POWERS_OF_MM.get(name.removeprefix("morph_"), 0)
    differing = {
        row["abbreviation"]: (values[row["abbreviation"]], row["value"])
        for row in benchmark()
        if not agrees(row, values[row["abbreviation"]])
    }
    assert differing == {}
