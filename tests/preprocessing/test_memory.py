"""The estimate of memory against what numpy asks for."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.memory import bytes_of_case, bytes_of_largest
from ricenet_v2.preprocessing.pipeline import preprocess_channels
from ricenet_v2.store.images import write_image

SLACK = 400_000


@pytest.mark.parametrize(
    ("spacing", "input_size"),
    [
        ((0.7, 0.8, 0.75), (70, 60, 64)),
        ((2.0, 2.0, 2.0), (24, 24, 24)),
        ((1.8, 0.6, 0.6), (24, 80, 80)),
    ],
)
def test_a_case_takes_no_more_than_the_estimate_nor_much_less(make_plan, spacing, input_size):
    grid = Grid((48, 44, 46), (1.0, 1.0, 1.0))
    plan = make_plan(spacing=spacing, input_size=input_size)
    images = np.random.default_rng(0).uniform(1, 60, (2, *grid.shape)).astype(np.float32)
    for _ in preprocess_channels(images, grid, plan, "first")[0]:
        pass  # fills the store of matrices
    tracemalloc.start()
    channels, _ = preprocess_channels(images, grid, plan, "c")
    for _ in range(2):
        next(channels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    taken, estimate = images.nbytes + peak, bytes_of_case(grid, plan)
    assert estimate / 2 < taken < estimate + SLACK


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (2.0, 2.0, 2.0)])
def test_a_tilted_case_takes_no_more_than_its_estimate_nor_much_less(make_plan, spacing):
    turn = Rotation.from_euler("x", 40, degrees=True).as_matrix()
    grid = Grid((48, 44, 46), (1.0, 1.0, 1.0), direction=tuple(turn.ravel()))
    plan = dataclasses.replace(make_plan(spacing=spacing, input_size=(64, 64, 64)), straighten=True)
    images = np.random.default_rng(0).uniform(1, 60, (2, *grid.shape)).astype(np.float32)
    tracemalloc.start()
    channels, record = preprocess_channels(images, grid, plan, "c")
    for _ in range(2):
        next(channels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert record.straight is not None
    taken, estimate = images.nbytes + peak, bytes_of_case(grid, plan)
    assert estimate / 2 < taken < estimate + SLACK


def test_the_largest_case_counts_and_one_without_a_header_does_not(raw, make_plan):
    plan = make_plan()
    small = bytes_of_largest(raw, plan)
    large = Grid((20, 12, 11), (3.0, 2.0, 2.5))
    write_image(raw.images(raw.cases[1])[0], np.ones(large.shape, dtype=np.float32), large)
    raw.images(raw.cases[0])[0].write_bytes(b"no image")
    assert bytes_of_largest(raw, plan) == bytes_of_case(large, plan) > small
    assert small > 4 * 2 * math.prod((10, 12, 11))
