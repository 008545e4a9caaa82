"""The fingerprint: checked against numpy on the same voxels, for any order and any workers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.cache import CachedMeasurement, load, measure_and_keep
from ricenet_v2.fingerprinting.fingerprint import distribution, measure
from ricenet_v2.fingerprinting.measure import CaseFiles, measure_arrays, measure_case
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.fingerprint import distinct
from ricenet_v2.store.images import read_image, write_image

if TYPE_CHECKING:
    from conftest import Planted


def test_one_case_against_numpy() -> None:
    rng = np.random.default_rng(3)
    mri = np.zeros((5, 6, 7), dtype=np.float32)
    mri[1:4, 2:6, 0:5] = rng.normal(50, 9, (3, 4, 5))
    dose = rng.uniform(-1, 90, (5, 6, 7)).astype(np.float32)
    one = measure_arrays("a", np.stack([mri, dose]), ("mri", "dose"), (3.0, 1.0, 1.5), None)
    seen = one.measurement
    assert (seen.shape, seen.cropped_shape, seen.spacing) == ((5, 6, 7), (3, 4, 5), (3.0, 1.0, 1.5))
    assert seen.foreground_share == pytest.approx(60 / 210)
    inside = mri[mri != 0].astype(np.float64)
    clipped = np.clip(dose, 0, None).astype(np.float64)
    for channel, values in zip(seen.channels, (inside, clipped), strict=True):
        assert channel.mean == pytest.approx(values.mean())
        assert channel.std == pytest.approx(values.std())
        assert (channel.minimum, channel.maximum) == (values.min(), values.max())
        expected = np.percentile(values, [0.5, 50, 99.5, 99.9])
        got = [channel.percentile_00_5, channel.percentile_50]
        got += [channel.percentile_99_5, channel.percentile_99_9]
        assert got == pytest.approx(expected.tolist())
    assert seen.channels[1].outlier_share == pytest.approx(((dose < 0) | (dose > 80)).mean())


def test_outliers_are_tukeys_far_out_points() -> None:
    image = np.tile(np.arange(1, 101, dtype=np.float32), 10).reshape(10, 10, 10)
    image[0, 0, :4] = (1000, 2000, -900, 200)
    first, third = np.percentile(image, [25, 75])
    reach = 3 * (third - first)
    expected = np.mean((image < first - reach) | (image > third + reach))
    one = measure_arrays("a", image[None], ("mri",), (1.0, 1.0, 1.0), None)
    assert one.measurement.channels[0].outlier_share == pytest.approx(expected)
    assert expected == pytest.approx(3 / 1000)


def test_the_brain_mask_decides_where_there_is_one(planted: Planted) -> None:
    voxels, grid = read_image(planted.path("case0", 0))
    brain = np.zeros(grid.shape, dtype=np.uint8)
    brain[2:4, 3:5, 4:8] = 1
    write_image(planted.folder / "masksTr" / "case0_brain.nii.gz", brain, grid)
    case = measure(planted.load()).cases[0]
    assert case.cropped_shape == (2, 2, 4)
    assert case.foreground_share == pytest.approx(16 / 480)
    assert case.channels[0].mean == pytest.approx(voxels[brain == 1].mean(dtype=np.float64))


def test_only_training_cases_count(planted: Planted) -> None:
    planted.put("test0", 1, np.full((6, 8, 10), 77.0), split="test")
    fingerprint = measure(planted.load())
    assert [case.case_id for case in fingerprint.cases] == ["case0", "case1", "case2", "case3"]
    assert (fingerprint.n_cases, fingerprint.n_patients) == (4, 4)
    assert fingerprint.class_counts == {"tumour": 2, "RICE": 2}
    assert fingerprint.channels[1].maximum.maximum == 60


def test_a_class_without_cases_is_counted_as_0(planted: Planted) -> None:
    assert measure(planted.load(order=[0, 2])).class_counts == {"tumour": 2, "RICE": 0}


def test_no_training_case_is_an_error(planted: Planted) -> None:
    with pytest.raises(DatasetError, match="no training cases"):
        measure(planted.load(order=[4]))


def test_the_dataset_is_the_mixture_of_its_cases(planted: Planted) -> None:
    """Equal sizes: the mixture is all voxels pooled, which numpy can tell."""
    fingerprint = measure(planted.load())
    pooled = [read_image(planted.path(f"case{n}", 0))[0][1:5, 2:7, 3:9] for n in range(4)]
    values = np.concatenate([part.ravel() for part in pooled]).astype(np.float64)
    channel = fingerprint.channels[0]
    assert channel.mean == pytest.approx(values.mean())
    assert channel.std == pytest.approx(values.std())
    assert np.mean(values < channel.percentile_00_5) == pytest.approx(0.005, abs=0.005)
    assert np.mean(values > channel.percentile_99_5) == pytest.approx(0.005, abs=0.005)
    assert values.min() < channel.percentile_00_5 < channel.percentile_99_5 < values.max()


def test_large_cases_do_not_outweigh_small_ones(planted: Planted) -> None:
    planted.channels = (Channel("CT", "ct"),)
    for number in range(4):
        shape = (6, 8, 10) if number else (12, 16, 20)
        image = np.full(shape, 10.0 if number else 50.0)
        image.flat[0] += 1e-3 * (1 + number)  # no scan is a copy of another
        planted.put(f"case{number}", 0, image, Grid(shape, (1.0, 1.0, 1.0)))
    assert measure(planted.load()).channels[0].mean == pytest.approx((50 + 3 * 10) / 4, rel=1e-4)


@pytest.mark.usefixtures("processes_for_little_work")
def test_a_case_that_cannot_be_measured_names_itself(planted: Planted) -> None:
    planted.put("case2", 0, np.zeros((6, 8, 10)))
    for workers in (1, 2):
        with pytest.raises(DatasetError, match="nothing but zeros") as caught:
            measure(planted.load(), num_workers=workers)
        assert caught.value.case == "case2"


@pytest.mark.usefixtures("processes_for_little_work")
def test_workers_change_nothing(planted: Planted) -> None:
    alone = documents.to_text(measure(planted.load()))
    assert documents.to_text(measure(planted.load(order=[2, 4, 1, 3, 0]), num_workers=2)) == alone


@given(order=st.permutations(range(5)))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_rows_changes_nothing(planted: Planted, order: list[int]) -> None:
    alone = documents.to_text(measure(planted.load(order=[0, 1, 2, 3, 4])))
    assert documents.to_text(measure(planted.load(order=order))) == alone


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_a_distribution_is_that_of_numpy(values: list[float]) -> None:
    got = distribution(values)
    expected = np.percentile(values, [0, 5, 50, 95, 100])
    assert [
        got.minimum,
        got.percentile_05,
        got.median,
        got.percentile_95,
        got.maximum,
    ] == pytest.approx(expected.tolist())
    assert got.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert got.std == pytest.approx(np.std(values), abs=1e-6)


def test_a_scan_under_two_names_counts_once(planted: Planted) -> None:
    before = measure(planted.load())
    for index in range(2):
        voxels, grid = read_image(planted.path("case1", index))
        planted.put("copy1", index, voxels, grid)
    planted.cases.append(dataclasses.replace(planted.cases[1], case_id="copy1"))
    after = measure(planted.load())
    assert (before.n_cases, after.n_cases) == (4, 5)
    assert after.channels == before.channels
    assert [case.case_id for case in distinct(after.cases)] == [
        "case0",
        "case1",
        "case2",
        "case3",
    ]


def test_scans_that_only_measure_the_same_are_not_copies() -> None:
    """Two masks with as many voxels have the same values, and are two patients."""
    one, other = np.zeros((1, 6, 6, 6), np.float32), np.zeros((1, 6, 6, 6), np.float32)
    one[0, 1:3, 2, 2] = other[0, 2, 1:3, 3] = 1
    made = [
        measure_arrays(name, images, ("mask",), (1.0, 1.0, 1.0), None).measurement
        for name, images in (("a", one), ("b", other), ("c", one))
    ]
    assert made[0].channels == made[1].channels
    assert [case.case_id for case in distinct(made)] == ["a", "b"]


def test_a_brain_mask_beside_the_images_is_not_measured(tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(6, 6, 6)).astype(np.float32)
    image_file, mask_file = tmp_path / "a.nii.gz", tmp_path / "a_brain.nii.gz"
    write_image(image_file, image, Grid(image.shape, (1.0, 1.0, 1.0)))
    write_image(mask_file, image > 0, Grid(image.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 30.0)))
    with pytest.raises(GeometryError, match="a_brain"):
        measure_case(CaseFiles("a", (image_file,), ("mri",), mask_file))


def test_a_region_that_will_be_straightened_is_measured_along_the_patient(tmp_path: Path) -> None:
    """A bar of 20 mm along the patient's z, in images that are turned by 30 degrees about x."""
    turn = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    grid = Grid((40, 40, 12), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(turn.ravel()))
    z, y, x = np.indices(grid.shape)
    places = np.stack([2.0 * x, y, z], axis=-1) @ turn.T
    middle = turn @ (12.0, 20.0, 20.0)
    bar = (np.abs(places - middle) < (4, 3, 10)).all(axis=-1)
    write_image(tmp_path / "bar.nii.gz", bar.astype(np.float32), grid)
    files = CaseFiles("a", (tmp_path / "bar.nii.gz",), ("mri",), None)
    plain = measure_case(files).measurement
    straight = measure_case(dataclasses.replace(files, straighten=True)).measurement
    assert np.array(straight.cropped_shape) == pytest.approx((20, 6, 4), abs=1.5)
    assert plain.cropped_shape[1] > 12  # the bar lies across the axes
    same = dataclasses.replace(plain, cropped_shape=straight.cropped_shape)
    assert same == straight
    kept_as = CachedMeasurement(files, tmp_path / "a.npz")
    measure_and_keep(kept_as)
    assert load(kept_as) is not None
    assert (
        load(CachedMeasurement(dataclasses.replace(files, straighten=True), tmp_path / "a.npz"))
        is None
    )
