"""Masks of structures, against shapes that can be counted and against a planning system."""

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from skimage.measure import grid_points_in_poly

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.polygons import even_odd
from ricenet_v2.ingest.structures import (
    Structure,
    read_structures,
    roi_names,
    structure_mask,
)
from tests.ingest.dicom_writer import FRAME, SHARED, dose_object, save, structures_object

PLAN = SHARED / "dicompyler-core"
GRID = Grid((12, 30, 32), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
POINTS = st.lists(st.tuples(*[st.floats(-6, 26)] * 2), min_size=3, max_size=9)


def _square(x0, x1, y0, y1, z):
    return np.array([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], dtype=float)


def _structure(contours):
    return Structure("f", 1, "name", FRAME, tuple(np.asarray(c, dtype=float) for c in contours))


@given(POINTS)
def test_a_polygon_is_that_of_scikit_image(points):
    # Off the centres of pixels, where both count the edge as they like.
    corners = np.round(points, 1) + np.array([0.0531, 0.0317])
    inside = even_odd([corners], (20, 21))
    assert np.array_equal(inside, grid_points_in_poly((20, 21), corners))


@given(POINTS, POINTS)
def test_two_polygons_are_held_together_by_exclusive_or(first, other):
    polygons = [np.array(first), np.array(other)]
    both = even_odd(polygons, (20, 21))
    assert np.array_equal(both, even_odd(polygons[:1], (20, 21)) ^ even_odd(polygons[1:], (20, 21)))


def test_halves_of_a_square_share_no_pixel_and_leave_none_out():
    left, right = [np.array([(2, a), (2, b), (8, b), (8, a)], float) for a, b in ((1, 5), (5, 9))]
    assert int(even_odd([left], (12, 12)).sum() + even_odd([right], (12, 12)).sum()) == 6 * 8
    assert not (even_odd([left], (12, 12)) & even_odd([right], (12, 12))).any()


Z = (6, 8, 10)
OUTER = [_square(4.5, 20.5, 5.5, 15.5, z) for z in Z]
HOLE = [_square(8.5, 12.5, 7.5, 11.5, z) for z in Z]
KEY_HOLE = [
    np.concatenate([outer, outer[:1], hole[[0, 3, 2, 1, 0]]])
    for outer, hole in zip(OUTER, HOLE, strict=True)
]


@pytest.mark.parametrize(
    ("contours", "voxels"),
    [
        (OUTER, 3 * 16 * 10),
        ([*OUTER, *HOLE], 3 * (16 * 10 - 4 * 4)),
        (KEY_HOLE, 3 * (16 * 10 - 4 * 4)),
        ([*OUTER, *[_square(22.5, 25.5, 5.5, 8.5, z) for z in Z]], 3 * (16 * 10 + 9)),
        ([OUTER[0], OUTER[1], *[_square(4.5, 20.5, 5.5, 15.5, z) for z in (14, 16)]], 4 * 160),
        ([_square(-90, 3.5, -90, 90, z) for z in Z], 3 * 4 * 30),
        ([_square(4.5, 20.5, 5.5, 15.5, z) for z in (-4, -2, 0, 2)], 2 * 160),
    ],
    ids=["plain", "nested", "key-hole", "two parts", "gap", "clipped in plane", "clipped in z"],
)
def test_voxels_are_counted(contours, voxels):
    mask = structure_mask(_structure(contours), GRID)
    assert mask.shape == GRID.shape
    assert int(mask.sum()) == voxels


@settings(max_examples=20)
@given(st.tuples(*[st.floats(-180, 180)] * 3))
def test_a_box_has_its_volume_and_centre_on_a_grid_that_lies_otherwise(angles):
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    contours = [_square(-6, 6, -5, 5, z) for z in np.arange(-7.5, 8, 1.5)]  # 12 x 10 x 16.5 mm
    # No voxel's centre lies on a face of the box.
    corner = -turn @ np.array([12.13, 12.21, 12.17])
    grid = Grid((35, 35, 35), (0.7, 0.7, 0.7), tuple(corner), tuple(turn.ravel()))
    mask = structure_mask(_structure(contours), grid)
    assert mask.sum() * 0.7**3 == pytest.approx(12 * 10 * 16.5, rel=0.1)
    centre = grid.positions(np.argwhere(mask).astype(float)).mean(axis=0)
    assert centre == pytest.approx([0, 0, 0], abs=0.4)


@pytest.mark.parametrize("axis", range(3))
def test_contours_of_any_main_plane_are_exact(axis):
    contours = [np.roll(square, axis, axis=1) for square in OUTER]
    shape = tuple(np.roll((26, 26, 26), axis))
    mask = structure_mask(_structure(contours), Grid(shape, (1.0, 1.0, 1.0)), slice_spacing=2.0)
    # Planes at 6, 8, 10 reach from 5 to 11, both ends among them.
    assert int(mask.sum()) == 7 * 160


@pytest.mark.parametrize(
    ("contours", "text"),
    [
        ([], "is empty"),
        ([_square(1, 5, 1, 5, 4)], "drawn in one plane"),
        ([OUTER[0], np.roll(OUTER[1], 1, axis=1)], "not in parallel planes"),
        ([OUTER[0] + [[0, 0, 0], [0, 0, 3], [0, 0, 0], [0, 0, 0]], OUTER[1]], "parallel planes"),
        ([contour + np.array([500, 0, 0]) for contour in OUTER], "has no voxel"),
        ([contour * [1, 0, 1] for contour in OUTER], "have no area"),
    ],
)
def test_what_makes_no_mask_is_refused(contours, text):
    with pytest.raises(DatasetError, match=text):
        structure_mask(_structure(contours), GRID)


def test_one_plane_needs_the_distance_of_slices():
    mask = structure_mask(_structure(OUTER[:1]), GRID, slice_spacing=2.0)
    assert int(mask.sum()) in {160, 320}  # a plane on the border of two slices is of both


def test_structures_are_read_with_their_numbers_and_points_are_skipped(tmp_path):
    rois = {"GTV": OUTER, "ISO": [("POINT", [(1, 2, 3)])], "EMPTY": []}
    gtv, iso, empty = read_structures(save(structures_object(rois), tmp_path / "rtss"))
    assert (gtv.number, gtv.name, gtv.frame_of_reference) == (1, "GTV", FRAME)
    assert np.allclose(gtv.contours, OUTER)
    assert (iso.contours, iso.n_skipped) == ((), 1)
    assert empty.contours == ()
    assert "GTV" not in repr(gtv)
    with pytest.raises(DatasetError, match="1 of points or open lines"):
        structure_mask(iso, GRID)


@pytest.mark.parametrize("points", [[(1, 2, 3), (4, 5, 6)], [(1, 2, "1e999")] * 3])
def test_a_damaged_contour_is_named_by_number(tmp_path, points):
    data = structures_object({"SECRET": []})
    item = pydicom.Dataset()
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.ContourData = [str(v) for v in np.ravel(points)]
    data.ROIContourSequence[0].ContourSequence = [item]
    with pytest.raises(DatasetError, match="structure number 1 is damaged") as caught:
        read_structures(save(data, tmp_path / "rtss"))
    assert "SECRET" not in str(caught.value)


def test_another_file_has_no_structures(tmp_path):
    with pytest.raises(DatasetError, match="holds no structures"):
        read_structures(save(dose_object(np.ones((2, 3, 3))), tmp_path / "dose"))


@pytest.mark.skipif(not PLAN.is_dir(), reason="set RICENET_SHARED_DATA to that of dicompyler-core")
def test_mean_doses_are_those_of_the_planning_system():
    """Its DVHs, whose values are per cent of 14 Gy although they say Gy."""
    dose = read_dose([PLAN / "rtdose.dcm"])
    structures = {each.name: each for each in read_structures(PLAN / "rtss.dcm")}
    tables = {
        int(dvh.DVHReferencedROISequence[0].ReferencedROINumber): float(dvh.DVHData[1])
        for dvh in pydicom.dcmread(PLAN / "rtdose.dcm", stop_before_pixels=True).DVHSequence
    }
    means = {
        "Breast": 5.61,
        "Heart": 0.648,
        "Lt Lung": 0.909,
        "Tumor Bed": 14.29,
        "Tumor Bed Block": 14.27,
    }
    for name, mean in means.items():
        mask = structure_mask(structures[name], dose.grid)
        assert float(dose.gy[mask].mean()) == pytest.approx(mean, rel=0.01), name
        volume = float(mask.sum() * np.prod(dose.grid.spacing) / 1000)
        assert volume == pytest.approx(tables[structures[name].number], rel=0.03), name


@pytest.mark.parametrize("has_preamble", [True, False])
def test_names_of_regions_are_read_of_files_without_preamble(tmp_path, has_preamble):
    data = structures_object({"GTV": OUTER, "brain": OUTER})
    file = save(data, tmp_path / "structures")
    if not has_preamble:
        del data.file_meta
        data.save_as(file, implicit_vr=True, little_endian=True)
        assert file.read_bytes()[:2] == b"\x08\x00"
    assert roi_names(file) == ("GTV", "brain")
