"""Shares and their null, against counting by hand and against moving maps one by one."""

import numpy as np
import pytest
from scipy import ndimage

from ricenet_v2.evaluation.paired_permutation import mean_p
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.explanation.quantities.regions import (
    LESION,
    OUTSIDE,
    RING,
    is_outside,
    outside_of,
    parts_of,
    ring_of,
)
from ricenet_v2.explanation.quantities.shares import (
    MOST_VOXELS,
    moved_excess,
    pooled,
    share_in,
    shares_of,
)

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


def test_a_band_begins_with_its_isodose():
    """Of 60 Gy: 12, 30, 48 and 57 Gy are in the band above."""
    dose = np.array([0.0, 11.9, 12.0, 29.9, 30.0, 47.9, 48.0, 56.9, 57.0, 70.0])[None, None]
    parts = parts_of(np.ones(dose.shape, dtype=bool), dose, 60.0, None, (1.0, 1.0, 1.0), "")
    bands = {name: np.flatnonzero(mask).tolist() for name, mask in parts.items()}
    assert bands == {
        "dose 0 to 20 %": [0, 1],
        "dose 20 to 50 %": [2, 3],
        "dose 50 to 80 %": [4, 5],
        "dose 80 to 95 %": [6, 7],
        "dose above 95 %": [8, 9],
    }


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


def test_shares_are_of_what_there_is():
    size = np.array([[[1.0, 3.0, 0.0, 4.0]]])
    parts = {"a": np.array([[[True, True, False, False]]]), "b": np.array([[[False] * 3 + [True]]])}
    assert share_in(size, parts) == {"a": 0.5, "b": 0.5}
    assert share_in(0 * size, parts) == {"a": 0.0, "b": 0.0}


def test_moves_by_fourier_are_moves_one_by_one(brain):
    rng = np.random.default_rng(1)
    size = np.where(brain, rng.random(SHAPE) ** 6, 0)
    part = brain & (rng.random(SHAPE) > 0.6)
    wanted = []
    for z in range(-8, 9):
        for y in range(-9, 10):
            for x in range(-7, 8):
                moves = list(zip((z, y, x), SHAPE, strict=True))
                source = tuple(slice(max(0, -s), n - max(0, s)) for s, n in moves)
                target = tuple(slice(max(0, s), n - max(0, -s)) for s, n in moves)
                moved, covered = np.zeros(SHAPE), np.zeros(SHAPE, dtype=bool)
                moved[target], covered[target] = size[source], brain[source]
                left = moved[brain].sum()
                if left >= 0.5 * size.sum():
                    volume = (part & covered).sum() / (brain & covered).sum()
                    wanted.append(moved[part].sum() / left - volume)
    as_it_is, *found = moved_excess(size, {"part": part}, brain.astype(float), rng)["part"]
    assert as_it_is == pytest.approx(size[part].sum() / size.sum() - part.sum() / brain.sum())
    if len(wanted) <= 2000:
        np.testing.assert_allclose(np.sort(found), np.sort(wanted), atol=1e-9)
    assert set(np.round(found, 8)) <= set(np.round(wanted, 8))


def test_a_map_on_the_lesion_is_told_from_its_moved_copies(brain):
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[4:6, 4:6, 3:5] = True
    parts = parts_of(brain, None, None, lesion, (1.0, 1.0, 1.0))
    there = shares_of(-lesion.astype(np.float32), parts, brain, np.random.default_rng(0))
    assert there.found[LESION] == 1.0
    assert there.expected[LESION] == pytest.approx(8 / brain.sum())
    assert there.p[LESION] < 0.02
    nothing = shares_of(np.zeros(SHAPE, np.float32), parts, brain, np.random.default_rng(0))
    assert nothing.p[LESION] == 1.0
    # At the rim half of the moves leave the brain, and the lesion there is found all the same.
    corner = np.zeros(SHAPE, dtype=bool)
    corner[1:3, 1:3, 1:3] = True
    parts = parts_of(brain, None, None, corner, (1.0, 1.0, 1.0))
    there = shares_of(corner.astype(np.float32), parts, brain, np.random.default_rng(0))
    assert there.p[LESION] < 0.02


def test_shares_and_what_is_expected_of_them_are_of_the_same_voxels(brain):
    """Half of the map lies outside: bands add up to 1 beside their expectations, which do too."""
    dose = np.random.default_rng(0).uniform(0, 66, SHAPE).astype(np.float32)
    parts = parts_of(brain, dose, 60.0, None, (1.0, 1.0, 1.0))
    values = np.where(brain, 1 / brain.sum(), 1 / (~brain).sum()).astype(np.float32)
    made = shares_of(values, parts, brain, np.random.default_rng(0))
    assert made.found[OUTSIDE] == pytest.approx(0.5, abs=1e-6)
    bands = [name for name in parts if "%" in name]
    assert sum(made.found[name] for name in bands) == pytest.approx(1)
    assert sum(made.expected.values()) == pytest.approx(1)
    assert set(made.expected) == set(made.p) == set(bands)


HEAD = (16, 18, 16)


def patient(seed):
    """Brain, and parts around a centre that is the patient's own."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*map(np.arange, HEAD), indexing="ij"), axis=-1)
    brain = ((places - (7.5, 8.5, 7.5)) ** 2).sum(axis=-1) < 7.5**2
    away = np.linalg.norm(places - (7.5, 8.5, 7.5) - rng.normal(0, 2, 3), axis=-1)
    dose = (60 / (1 + np.exp(away - 4))).astype(np.float32)
    lesion = (away < 2.5) & brain
    return brain, parts_of(brain, dose, 60.0, lesion, (9.0, 9.0, 9.0)), rng


def test_a_map_that_is_the_same_everywhere_exceeds_nothing():
    brain, parts, rng = patient(0)
    made = shares_of(brain.astype(np.float32), parts, brain, rng)
    for part, expected in made.expected.items():
        assert made.found[part] == pytest.approx(expected, abs=1e-9)
        assert made.p[part] == 1.0


@pytest.mark.parametrize("sigma", [0, 2])
def test_noise_is_no_finding(sigma):
    """In none of the parts more often than 5 % says: not by case, not over cohorts of ten."""
    made = []
    for seed in range(100):
        brain, parts, rng = patient(seed)
        room = rng.normal(size=[n + 16 for n in HEAD])
        noise = ndimage.gaussian_filter(room, sigma)[8:-8, 8:-8, 8:-8]
        made.append(shares_of(noise.astype(np.float32), parts, brain, rng))
    patients = Patients.of([f"{n}" for n in range(10)])
    rng = np.random.default_rng(0)
    for part in made[0].expected:
        assert np.mean([one.p[part] < 0.05 for one in made]) <= 0.06
        excess = np.array([one.found[part] - one.expected[part] for one in made])
        assert abs(excess.mean()) < 3.5 * excess.std() / np.sqrt(len(excess))
        cohorts = [rng.choice(excess, 10) for _ in range(200)]
        assert np.mean([mean_p(one, patients, 2000, rng) < 0.05 for one in cohorts]) < 0.12


def test_blocks_hold_the_sums_of_their_voxels():
    image = np.arange(150 * 3 * 64, dtype=float).reshape(150, 3, 64)
    made = pooled(image)
    assert made.shape == (50, 3, 64)
    assert max(made.shape) <= MOST_VOXELS
    np.testing.assert_allclose(made[7], image[21:24].sum(axis=0))
    assert pooled(np.ones((65, 2, 2), bool)).shape == (33, 2, 2)
    assert pooled(np.ones((65, 2, 2), bool)).sum() == 65 * 4


def test_fine_maps_are_moved_as_coarse_ones_and_say_the_same():
    """A map on voxels of a quarter of the side, tested on blocks of them."""
    rng = np.random.default_rng(5)
    brain, part = np.zeros((2, 24, 24, 24), bool)
    brain[2:22, 2:22, 2:22] = True
    part[4:10, 4:10, 4:10] = True
    for inside in (True, False):
        values = np.zeros((24, 24, 24), np.float32)
        at = 5 if inside else 14
        values[at : at + 4, at : at + 4, at : at + 4] = rng.uniform(1, 2, (4, 4, 4))
        fine = [np.kron(one, np.ones((4, 4, 4))) for one in (values, part, brain)]
        coarse = shares_of(values, {"part": part}, brain, np.random.default_rng(0)).p["part"]
        found = shares_of(
            fine[0].astype(np.float32),
            {"part": fine[1] > 0},
            fine[2] > 0,
            np.random.default_rng(0),
        )
        assert found.p["part"] == pytest.approx(coarse, abs=0.02)
        assert (found.p["part"] < 0.05) == inside


def test_without_moves_there_is_no_p():
    brain = np.ones((4, 4, 4), bool)
    found = shares_of(np.ones((4, 4, 4), np.float32), {"part": brain}, brain)
    assert found.p == {}
    assert found.expected == {"part": 1.0}


def test_a_ring_without_voxels_is_no_part():
    brain, lesion = np.ones((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    lesion[1, 1, 1] = True
    assert RING in parts_of(brain, None, None, lesion, (10.0, 11.0, 11.0))
    assert RING not in parts_of(brain, None, None, lesion, (11.0, 11.0, 11.0))


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("brain mask", "outside the brain"),
        ("head", "outside the head"),
        ("lesion with a margin of 20 mm", "outside the head"),
        ("non-zero voxels", "outside the non-zero voxels"),
        ("whole image", ""),
    ],
)
def test_what_is_outside_has_the_name_of_the_region(region, name):
    assert outside_of(region) == name
    inside = np.zeros((4, 4, 4), dtype=bool)
    inside[1:3] = True
    parts = parts_of(inside, None, None, None, (1.0, 1.0, 1.0), outside_of(region))
    assert set(parts) == ({name} if name else set())
    found = shares_of(np.ones((4, 4, 4), dtype=np.float32), parts, inside).found
    assert found == ({name: pytest.approx(0.5)} if name else {})
    assert all(map(is_outside, parts))
