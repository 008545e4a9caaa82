"""A registration that is 4 mm off, and a dose that lies wrong, can be seen on the picture."""

import contourpy
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from ricenet_v2.reporting.case.panel import LESION
from ricenet_v2.reporting.case.scene import Line, Raster, Text
from ricenet_v2.reporting.conversion.compared import EDGE, STEPS
from ricenet_v2.reporting.conversion.edges import edge_lines
from ricenet_v2.reporting.conversion.picture import MOST_BYTES, case_picture, write_case_picture
from tests.reporting.conversion import converted

SHIFTS = [(4, 0, 0), (0, 4, 0), (0, 0, 4), (0, -4, 0)]
SEEN_IN = {0: (1, 2), 1: (0, 2), 2: (0, 1)}
"""Panels (axial, coronal, sagittal) in which a shift along an axis can be seen."""


def _rows(scene):
    """The panels of each row: rasters from left to right."""
    rows = {}
    for item in scene.items:
        if isinstance(item, Raster):
            rows.setdefault(item.y, []).append(item)
    return [sorted(row, key=lambda raster: raster.x) for _, row in sorted(rows.items())]


def _jumps(shades, is_other):
    """Mean change of brightness from one pixel to the next across tiles, over that inside."""
    across, within = [], []
    for axis in (0, 1):
        change = np.abs(np.diff(shades, axis=axis))
        is_rim = np.diff(is_other.astype(int), axis=axis) != 0
        inside = np.minimum(*(np.take(shades, range(start, shades.shape[axis] - 1 + start), axis)
                              for start in (0, 1))) > 0  # fmt: skip
        across.append(change[is_rim & inside])
        within.append(change[~is_rim & inside])
    return np.concatenate(across).mean() / np.concatenate(within).mean()


def _discontinuity(scene, row=1):
    """That of the checkerboard in each of three planes."""
    return [
        _jumps((panel.pixels % STEPS).astype(float), panel.pixels >= STEPS)
        for panel in _rows(scene)[row]
    ]


@pytest.fixture(scope="module")
def right():
    return case_picture(converted.case())


@pytest.mark.parametrize("shift", SHIFTS)
def test_structures_break_at_the_tiles_of_a_checkerboard_when_4_mm_off(right, shift):
    whole = _discontinuity(right)
    assert max(whole) < 1.35
    broken = _discontinuity(case_picture(converted.case(shift)))
    axis = next(n for n, mm in enumerate(shift) if mm)
    for plane in SEEN_IN[axis]:
        assert broken[plane] > 1.4 * whole[plane]


def test_the_break_is_there_in_the_file_too(tmp_path):
    """Grey and amber tiles have the same red, so that structures go on across them."""

    def jump(shift):
        case = converted.case(shift)
        scene = case_picture(case)
        write_case_picture(case, tmp_path / "C1.png")
        with Image.open(tmp_path / "C1.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(float)
            scale = image.size[0] / scene.width
        panel = _rows(scene)[1][0]
        rows, columns = (
            slice(round(start * scale), round((start + size) * scale))
            for start, size in ((panel.y, panel.height), (panel.x, panel.width))
        )
        shown = pixels[rows, columns]
        other = np.asarray(
            Image.fromarray((panel.pixels >= STEPS).astype(np.uint8)).resize(shown.shape[1::-1], 0)
        )
        # Pixels next to a rim are mixed by enlarging.
        rim = ndimage.binary_dilation(other, iterations=3) & ~ndimage.binary_erosion(
            other, iterations=3, border_value=1
        )
        red = np.where(rim, np.nan, shown[..., 0])
        change = np.abs(red[:, 7:] - red[:, :-7])
        crossed = other[:, 7:] != other[:, :-7]
        lit = np.minimum(red[:, 7:], red[:, :-7]) > 0
        return np.nanmean(change[crossed & lit]) / np.nanmean(change[~crossed & lit])

    assert jump((0, 4, 4)) > 1.3 * jump((0, 0, 0))


def _edge_strength(scene, row=2):
    """Mean gradient of the image under the lines, over that everywhere, in each plane."""
    strengths = []
    for panel in _rows(scene)[row]:
        gradient = np.hypot(*np.gradient(ndimage.gaussian_filter(panel.pixels.astype(float), 1.5)))
        scale = np.array([panel.width, panel.height]) / panel.pixels.shape[::-1]
        low = np.array([panel.x, panel.y])
        points = np.concatenate([
            item.points for item in scene.items
            if isinstance(item, Line) and item.colour == EDGE
            and (item.points >= low).all()
            and (item.points <= low + np.array([panel.width, panel.height])).all()
        ])  # fmt: skip
        columns, lines = ((points - low) / scale - 0.5).T
        under = ndimage.map_coordinates(gradient, [lines, columns], order=1)
        strengths.append(under.mean() / gradient[panel.pixels > 0].mean())
    return strengths


@pytest.mark.parametrize("shift", SHIFTS)
def test_edges_of_the_reference_leave_those_of_an_image_that_is_4_mm_off(right, shift):
    whole = _edge_strength(right)
    assert min(whole) > 1.3
    broken = _edge_strength(case_picture(converted.case(shift)))
    axis = next(n for n, mm in enumerate(shift) if mm)
    for plane in SEEN_IN[axis]:
        assert broken[plane] < 0.8 * whole[plane]


def test_a_planning_ct_that_is_off_is_seen_though_its_contrast_is_inverted():
    whole, broken = (
        _edge_strength(case_picture(converted.case(ct_shift=shift)), row=4)
        for shift in ((0, 0, 0), (0, 4, 0))
    )
    assert broken[0] < 0.8 * whole[0]
    assert broken[2] < 0.8 * whole[2]


def test_edges_lie_where_brightness_changes_and_not_at_the_rim_of_the_region():
    rows, columns = np.indices((80, 90)).astype(float)
    disc = np.hypot(rows - 40, columns - 45) < 20
    region = np.hypot(rows - 40, columns - 45) < 36
    values = np.where(region, 50 + 100 * ndimage.gaussian_filter(disc.astype(float), 1), 0)
    lines = edge_lines(values.astype(np.float32), region, 1.0)
    radius = np.hypot(*(np.concatenate(lines) - [45, 40]).T)
    assert np.abs(radius - 20).max() < 1.5
    assert sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines) > 100


@pytest.mark.parametrize("shape", [(1, 9), (2, 2), (9, 9)])
def test_planes_without_edges_have_no_lines(shape):
    assert edge_lines(np.ones(shape, np.float32), np.ones(shape, bool), 1.0) == []
    assert edge_lines(np.ones(shape, np.float32), np.zeros(shape, bool), 1.0) == []


def test_isodose_lines_lie_and_are_labelled_where_the_dose_is(right):
    panel = _rows(right)[0][0]
    scale = panel.width / (panel.pixels.shape[1] * 0.8)
    labels = {item.text: item for item in right.items if isinstance(item, Text)}
    assert {"57", "48", "30", "12", "95 % (57 Gy)"} <= set(labels)
    # The half of the maximum is a circle of this radius about (20, 10) mm.
    expected = 22 * np.sqrt(2 * np.log(2))
    lines = [
        item.points for item in right.items
        if isinstance(item, Line) and item.colour == "#4dd6a0" and len(item.points) > 4
        and item.points[:, 1].max() < panel.y + panel.height
        and item.points[:, 0].max() < panel.x + panel.width
    ]  # fmt: skip
    points = np.concatenate(lines)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    radius = np.hypot(*(points - middle).T) / scale
    assert np.abs(radius - expected).max() < 2
    brain_left, brain_right = np.flatnonzero((panel.pixels > 0).any(axis=0))[[0, -1]]
    middle_of_brain = panel.x + (brain_left + brain_right + 1) / 2 / panel.pixels.shape[1] * (
        panel.width
    )
    # The patient's left, where the dose is, is on the right.
    assert (middle[0] - middle_of_brain) / scale == pytest.approx(20, abs=2)


def test_panels_have_the_proportions_of_the_patient(right):
    for row in _rows(right):
        axial, coronal, sagittal = row
        assert axial.width == pytest.approx(coronal.width)
        assert axial.height == pytest.approx(sagittal.width)
        assert coronal.height == pytest.approx(sagittal.height)
        assert axial.width / coronal.height == pytest.approx(52 * 2.5 / (44 * 3.0), rel=0.1)


@pytest.mark.parametrize(("name", "at"), [("R", "start"), ("L", "end")])
def test_right_is_left(right, name, at):
    letters = [item for item in right.items if isinstance(item, Text) and item.text == name]
    # Once in the axial and once in the coronal plane of each of three rows.
    assert len(letters) == 6
    assert {item.anchor for item in letters} == {at}


def test_planes_go_through_the_lesion_and_the_dose_maximum_has_a_row_of_its_own():
    scene = case_picture(converted.case(lesion=True))
    texts = [item.text for item in scene.items if isinstance(item, Text)]
    assert any(text.startswith("The same through the dose maximum") for text in texts)
    assert any(text.startswith("Through the middle of the lesion mask") for text in texts)
    assert any(isinstance(item, Line) and item.colour == LESION for item in scene.items)
    assert len(_rows(scene)) == 4


def test_nothing_outside_of_the_brain_is_shown(right):
    for row in _rows(right):
        for panel in row:
            colours = panel.palette[panel.pixels]
            assert not colours[0].any()
            assert not colours[:, 0].any()


@pytest.mark.parametrize("noise", [2.0, 40.0])
def test_a_file_is_small_whatever_the_noise_and_holds_no_text(tmp_path, noise):
    case = converted.case(noise=noise, ct_shift=(0, 0, 0), lesion=True)
    write_case_picture(case, tmp_path / "C1.png")
    assert (tmp_path / "C1.png").stat().st_size < MOST_BYTES
    with Image.open(tmp_path / "C1.png") as image:
        assert image.text == {}
        assert image.size[0] >= 600


def test_the_same_case_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_case_picture(converted.case(), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_case_of_one_image_without_dose_is_drawn():
    case = converted.case()
    fields = {"channels": ("T1c",), "kinds": ("mri",), "registered": (), "covariates": {}}
    provenance = converted.case(**fields, dose_covered=None).provenance
    alone = type(case)(case.channels[:1], case.masks, case.grid, provenance)
    assert len(_rows(case_picture(alone))) == 1


def test_contours_and_rasters_have_the_same_pixels():
    """A line through the middle of pixels lies half a pixel from the rim of the panel."""
    (line,) = contourpy.contour_generator(z=np.tile([0.0, 0.0, 1.0, 1.0], (4, 1))).lines(0.5)
    assert np.allclose(np.asarray(line)[:, 0], 1.5)
