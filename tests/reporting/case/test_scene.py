"""One picture, written as SVG and as PNG."""

from xml.etree import ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.reporting.case.scene import Line, Raster, Scene, Text, dashes, png, svg, write_png

HOSTILE = "</text><script>alert('a & b')</script>"


def _scene(*items):
    return Scene(100, 60, HOSTILE, items)


def test_the_svg_is_sound_and_escapes_what_users_write():
    root = ET.fromstring(str(svg(_scene(Text(1, 10, HOSTILE, 8, "#ffffff")))))
    assert root.get("aria-label") == HOSTILE
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts == [HOSTILE]
    assert not [element for element in root.iter() if element.tag.endswith("script")]


def test_points_of_a_line_are_kept_to_a_tenth():
    points = np.array([(1.04, 2.0), (3.26, 2.0), (3.26, 2.01), (10.0, 20.55)])
    path = str(svg(_scene(Line(points, "#ff0000", 1))))
    assert 'd="M1 2l2.3 0 6.7 18.6"' in path


def test_a_line_of_the_same_form_is_told_once():
    points = np.array([(1.0, 2.0), (3.3, 2.0), (10.0, 20.6)])
    lines = [Line(points + offset, "#ff0000", 1) for offset in ((0, 0), (0.5, 7.3))]
    text = str(svg(_scene(*lines, Line(points, "#00ff00", 1))))
    assert text.count("<path") == 2
    assert '<use href="#l0" x="0.5" y="7.3"/>' in text


def test_the_png_has_the_same_things_at_the_same_place(tmp_path):
    grey = np.zeros((4, 4), np.uint8)
    grey[:, 2:] = 200
    line = Line(np.array([(50.0, 5.0), (50.0, 55.0)]), "#ff0000", 2.0)
    scene = _scene(Raster(10, 10, 20, 20, grey), line)
    pixels = np.asarray(png(scene))
    assert pixels.shape == (120, 200, 3)
    np.testing.assert_array_equal(pixels[40, 26], [0, 0, 0])
    np.testing.assert_array_equal(pixels[40, 56], [200, 200, 200])
    np.testing.assert_array_equal(pixels[60, 100], [255, 0, 0])
    np.testing.assert_array_equal(pixels[60, 120], [0, 0, 0])
    write_png(scene, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_palette_gives_the_colours():
    palette = np.zeros((256, 3), np.uint8)
    palette[7] = (10, 20, 30)
    raster = Raster(0, 0, 50, 50, np.full((3, 3), 7, np.uint8), palette)
    assert tuple(np.asarray(png(_scene(raster)))[50, 50]) == (10, 20, 30)


@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=8), st.floats(1, 5), st.floats(1, 5))
def test_dashes_have_their_length_and_lie_on_the_line(steps, on, off):
    x = np.concatenate([[0.0], np.cumsum(steps)])
    points = np.stack([x, np.zeros_like(x)], axis=1)
    parts = dashes(points, (on, off))
    lengths = [part[-1, 0] - part[0, 0] for part in parts]
    np.testing.assert_allclose(lengths[:-1], on, atol=1e-9)
    assert lengths[-1] <= on + 1e-9
    np.testing.assert_allclose([part[0, 0] for part in parts], (on + off) * np.arange(len(parts)))
    assert all((part[:, 1] == 0).all() for part in parts)
