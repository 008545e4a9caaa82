"""Shares and their null, against counting by hand and against moving maps one by one."""

import numpy as np
import pytest

from ricenet_v2.explanation.quantities.parts import LESION, OUTSIDE, RING, parts_of, ring_of
from ricenet_v2.explanation.quantities.shares import share_in, shares_of, shifted_shares

SHAPE = (9, 10, 8)


@pytest.fixture
def brain():
    made = np.zeros(SHAPE, dtype=bool)
    made[1:8, 1:9, 1:7] = True
    return made


def test_bands_and_outside_fill_the_image(brain):
    rng = np.random.default_rng(0)
    dose = rng.uniform(0, 66, SHAPE).astype(np.float32)
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[3, 3, 3] = True
    parts = parts_of(brain, dose, 60.0, lesion, (2.0, 3.0, 4.0))
    bands = [mask for name, mask in parts.items() if "%" in name]
    assert len(bands) == 5
    np.testing.assert_array_equal(np.sum([*bands, parts[OUTSIDE]], axis=0), 1)
    assert dose[parts["dose above 95 %"]].min() >= 57.0
    assert dose[parts["dose 20 to 50 %"]].max() < 30.0
    assert set(parts) - {"dose above 95 %"} >= {LESION, RING}
    assert set(parts_of(brain, None, None, None, (1.0, 1.0, 1.0))) == {OUTSIDE}


def test_the_ring_is_measured_in_mm():
    lesion = np.zeros((21, 21, 21), dtype=bool)
    lesion[10, 10, 10] = True
    ring = ring_of(lesion, (2.0, 5.0, 10.0))
    z, y, x = (
        np.flatnonzero(ring[at]) for at in (np.s_[:, 10, 10], np.s_[10, :, 10], np.s_[10, 10])
    )
    assert z.tolist() == [*range(5, 10), *range(11, 16)]
    assert y.tolist() == [8, 9, 11, 12]
    assert x.tolist() == [9, 11]


def test_shares_are_of_absolute_values():
    values = np.array([[[1.0, -3.0, 0.0, 4.0]]], dtype=np.float32)
    parts = {"a": np.array([[[True, True, False, False]]]), "b": np.array([[[False] * 3 + [True]]])}
    assert share_in(values, parts) == {"a": 0.5, "b": 0.5}
    assert share_in(0 * values, parts) == {"a": 0.0, "b": 0.0}


def test_moves_by_fourier_are_moves_one_by_one(brain):
    rng = np.random.default_rng(1)
    size = np.where(brain, rng.random(SHAPE) ** 6, 0)
    part = brain & (rng.random(SHAPE) > 0.6)
    wanted = []
    for z in range(-8, 9):
        for y in range(-9, 10):
            for x in range(-7, 8):
                moved = np.zeros(SHAPE)
                moves = list(zip((z, y, x), SHAPE, strict=True))
                source = tuple(slice(max(0, -s), n - max(0, s)) for s, n in moves)
                target = tuple(slice(max(0, s), n - max(0, -s)) for s, n in moves)
                moved[target] = size[source]
                left = moved[brain].sum()
                if left >= 0.5 * size.sum():
                    wanted.append(moved[part].sum() / left)
    found = shifted_shares(size, {"part": part}, brain, rng)["part"]
    if len(wanted) <= 2000:
        np.testing.assert_allclose(np.sort(found), np.sort(wanted), atol=1e-9)
    assert set(np.round(found, 8)) <= set(np.round(wanted, 8))


def test_a_map_on_the_lesion_is_told_from_its_moved_copies(brain):
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[4:6, 4:6, 3:5] = True
    parts = parts_of(brain, None, None, lesion, (1.0, 1.0, 1.0))
    there = shares_of(lesion.astype(np.float32), parts, brain, np.random.default_rng(0))
    assert there.found[LESION] == 1.0
    assert there.expected[LESION] < 0.3
    assert there.p[LESION] < 0.02
    spread = shares_of(brain.astype(np.float32), parts, brain, np.random.default_rng(0))
    assert spread.found[LESION] == pytest.approx(8 / brain.sum())
    nothing = shares_of(np.zeros(SHAPE, np.float32), parts, brain, np.random.default_rng(0))
    assert nothing.p[LESION] == 1.0
