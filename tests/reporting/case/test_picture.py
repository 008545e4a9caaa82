"""Planes as radiologists look at them, and lines where the dose is."""

import dataclasses

import numpy as np
import pytest

from ricenet_v2.records.dataset import Channel
from ricenet_v2.reporting.case.centre import find_centre
from ricenet_v2.reporting.case.isodose import isodoses
from ricenet_v2.reporting.case.panel import PLANES, plane_of
from ricenet_v2.reporting.case.picture import case_scene
from ricenet_v2.reporting.case.scene import Line, Raster, Text
from tests.reporting.case.conftest import HOTTEST, SHAPE, SPACING


@pytest.mark.parametrize(
    ("name", "row", "column"),
    # Array axes are LPS: indices rise to the left, the back and the head.
    [("axial", 20, 17), ("coronal", SHAPE[0] - 1 - 12, 17), ("sagittal", SHAPE[0] - 1 - 12, 20)],
)
def test_left_is_right_and_the_head_is_up(name, row, column):
    voxels = np.zeros(SHAPE, np.float32)
    voxels[HOTTEST] = 1
    plane = plane_of(voxels, SPACING, HOTTEST, name)
    assert np.argwhere(plane.values).tolist() == [[row, column]]
    middle = [(n + 0.5) * mm for n, mm in zip((row, column), plane.spacing, strict=True)]
    assert plane.point == pytest.approx(middle)


def test_planes_have_the_size_of_the_head_in_mm():
    sizes = {name: plane_of(np.zeros(SHAPE), SPACING, HOTTEST, name).size for name in PLANES}
    assert sizes == {"axial": (54.0, 60.0), "coronal": (60.0, 60.0), "sagittal": (60.0, 54.0)}


def test_an_isodose_line_lies_where_the_dose_has_that_value(scan):
    lines = isodoses({"prescription_gy": "60"}, scan.dose)
    scene = case_scene("A", scan, find_centre(scan), {1: lines}, 1.0)
    scale = (760 - 24 - 16) / (2 * 60 + 54)
    axial = _planes(scene)[0]
    drawn = [
        item
        for item in scene.items
        if isinstance(item, Line)
        and item.colour == lines.lines[2].colour
        and len(item.points) > 10
        and axial.y <= item.points[:, 1].min()
        and item.points[:, 1].max() <= axial.y + axial.height
        and item.points[:, 0].max() <= axial.x + axial.width
    ]
    assert len(drawn) == 1
    middle = np.array([axial.x + (17.5 * 2.5) * scale, axial.y + (20.5 * 1.5) * scale])
    away = np.hypot(*(drawn[0].points - middle).T) / scale
    # 30 Gy of 60 Gy less 2 Gy per mm: 15 mm from the hottest voxel, as exact as voxels allow.
    np.testing.assert_allclose(away, 15, atol=0.4)


def test_it_says_what_it_shows_and_what_it_is_for(scan):
    lines = isodoses({"prescription_gy": "200"}, scan.dose)
    scene = case_scene("A17", scan, find_centre(scan), {1: lines}, 2.0)
    texts = [item.text for item in scene.items if isinstance(item, Text)]
    assert "A17. Research use only. Not a medical device." in texts
    assert "T1c_event" in texts
    assert "20 % (40 Gy)" in texts
    assert not any(text.startswith("95 %") for text in texts)  # 190 Gy are not reached
    assert "Research use only" in scene.description


def test_coarser_pixels_change_no_line(scan):
    lines = isodoses({}, scan.dose)
    fine, coarse = (case_scene("A", scan, find_centre(scan), {1: lines}, mm) for mm in (1.0, 4.0))
    for a, b in zip(fine.items, coarse.items, strict=True):
        if isinstance(a, Line):
            np.testing.assert_array_equal(a.points, b.points)
    for a, b in zip(_planes(fine), _planes(coarse), strict=True):
        assert a.pixels.size > 8 * b.pixels.size


def _texts(scene):
    return [item for item in scene.items if isinstance(item, Text)]


def test_bars_say_which_values_have_which_colour(scan):
    lines = isodoses({"prescription_gy": "60"}, scan.dose)
    scene = case_scene("A", scan, find_centre(scan), {1: lines}, 1.0)
    grey, coloured = (item for item in scene.items if isinstance(item, Raster) and item.height < 10)
    assert (grey.palette is None, coloured.palette is None) == (True, False)
    for bar, low, high in ((grey, "0", "800"), (coloured, "0", "60 Gy")):
        beside = [text for text in _texts(scene) if bar.y < text.y <= bar.y + 10]
        (left,) = (text for text in beside if text.anchor == "end")
        (right,) = (text for text in beside if text.x > bar.x)
        assert (left.text, right.text) == (low, high)
        assert left.x <= bar.x < bar.x + bar.width <= right.x
        assert bar.pixels[0].tolist() == list(range(256))


def test_each_line_has_its_dose_on_it(scan):
    lines = isodoses({"prescription_gy": "60"}, scan.dose)
    scene = case_scene("A", scan, find_centre(scan), {1: lines}, 1.0)
    for plane in _planes(scene):
        for line in lines.lines[1:]:  # 57 Gy is a circle of 1.5 mm here, too small for letters
            drawn = np.concatenate(
                [
                    item.points
                    for item in scene.items
                    if isinstance(item, Line)
                    and item.colour == line.colour
                    and len(item.points) > 9
                    and _is_inside(plane, item.points)
                ]
            )
            (label,) = (
                text
                for text in _texts(scene)
                if text.text == line.short
                and text.colour == line.colour
                and _is_inside(plane, np.array([(text.x, text.y)]))
            )
            assert np.hypot(*(drawn - (label.x, label.y)).T).min() < 4


def _planes(scene):
    """Without the bars of colours."""
    return [item for item in scene.items if isinstance(item, Raster) and item.height > 20]


def _is_inside(plane, points):
    low, high = (plane.x, plane.y), (plane.x + plane.width, plane.y + plane.height)
    return bool((points >= low).all() and (points <= high).all())


def test_each_dose_has_its_own_lines_and_its_name_in_the_legend(scan):
    channels = (*scan.channels, Channel("dose_boost", "dose", unit="Gy"), Channel("none", "dose"))
    voxels = (*scan.voxels, 0.25 * scan.voxels[1], np.zeros_like(scan.voxels[1]))
    two = dataclasses.replace(scan, channels=channels, voxels=voxels)
    lines = {n: isodoses({"prescription_gy": "50"}, two.voxels[n]) for n in (1, 2)}
    scene = case_scene("A", two, find_centre(two), lines, 2.0)
    tops = [plane.y for plane in _planes(scene)][::3]
    half, fifth = (lines[1].lines[n].colour for n in (2, 3))

    def drawn(row, colour):
        end = [*tops, scene.height][row + 1] - 30
        own = [one for one in scene.items if isinstance(one, Line) and one.colour == colour]
        return [
            one for one in own if tops[row] <= one.points[:, 1].min() < end and len(one.points) > 9
        ]

    # At most 15 Gy of the boost: 10 Gy are there, 25 Gy are not.
    assert [bool(drawn(row, half)) for row in range(4)] == [True, True, False, False]
    assert [bool(drawn(row, fifth)) for row in range(3)] == [True, True, True]
    wide = [max(np.ptp(one.points[:, 0]) for one in drawn(row, fifth)) for row in range(3)]
    assert wide[0] == wide[1] > 2 * wide[2]
    texts = [item.text for item in scene.items if isinstance(item, Text)]
    assert "Lines of dose, also on the images without dose" in texts
    assert "Lines of dose_boost" in texts
    assert max(item.y for item in scene.items if isinstance(item, Text)) < scene.height
