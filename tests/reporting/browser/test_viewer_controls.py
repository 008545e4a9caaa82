"""What a reader does in the viewer of a case: images, cross, windows, planes, zoom, keys."""

import numpy as np
import pytest

from tests.reporting.browser.pages import READY
from tests.reporting.browser.viewer import changed_page, part, pixels, set_dose

pytestmark = pytest.mark.walk


def test_two_images_stand_side_by_side_and_share_the_cross(open_page, tmp_path):
    page = open_page("cases/PH0021.html", viewport={"width": 1200, "height": 900}).page
    assert [part(page, n, "image").input_value() for n in (1, 2)] == ["T1c_post_op", "T1c_event"]
    boxes = [page.locator(f"#viewer-canvas-{n}").bounding_box() for n in (1, 2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    set_dose(page, 0)
    start = page.text_content("#viewer-place")
    before = pixels(page, tmp_path, 2)
    page.locator("#viewer-canvas-1").focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    moved = page.text_content("#viewer-place")
    assert moved != start
    assert np.abs(pixels(page, tmp_path, 2) - before).mean() > 0.5
    # A click into the second image moves the first one, too.
    before, (box,) = pixels(page, tmp_path), boxes[1:]
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, tmp_path) - before).mean() > 0.5
    page.click("#viewer-centre")
    assert page.text_content("#viewer-place") == start
    assert start in page.text_content("#pictures .note:not([id])")  # as under the planes
    page.select_option("#viewer-number", "1")
    assert not page.locator("#viewer-canvas-2").is_visible()


def test_window_and_level_are_typed_dragged_and_reset(open_page, tmp_path):
    page = open_page("cases/PH0021.html", viewport={"width": 1200, "height": 900}).page
    set_dose(page, 0)
    width, level = part(page, 1, "width"), part(page, 1, "level")
    usual = width.input_value(), level.input_value()
    assert float(usual[1]) == pytest.approx(float(usual[0]) / 2, rel=1e-3)
    before, other = pixels(page, tmp_path), pixels(page, tmp_path, 2)
    width.fill(str(float(usual[0]) / 4))
    level.fill(str(float(usual[0]) / 8))
    level.press("Enter")
    page.wait_for_timeout(300)
    assert pixels(page, tmp_path).mean() > 1.3 * before.mean()
    assert np.abs(pixels(page, tmp_path, 2) - other).mean() < 0.5
    part(page, 1, "reset").click()
    page.wait_for_timeout(300)
    assert (width.input_value(), level.input_value()) == usual
    assert np.abs(pixels(page, tmp_path) - before).mean() < 0.5
    box, place = page.locator("#viewer-canvas-1").bounding_box(), page.text_content("#viewer-place")
    for button in ("right", "left"):
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down(button=button)
        page.mouse.move(box["x"] + 300, box["y"] + 150, steps=4)
        page.mouse.up(button=button)
        page.wait_for_timeout(300)
        dragged = [float(one.input_value()) / float(usual[0]) for one in (width, level)]
        assert dragged == pytest.approx([2.0, 0.75], rel=1e-3)
        assert page.text_content("#viewer-place") == place
        part(page, 1, "reset").click()
        page.select_option("#viewer-drag", "window")
    assert not part(page, 1, "presets").is_visible()  # they are of CTs


def test_a_ct_has_the_windows_of_cts(driver, browser, reported, tmp_path):
    context, page = changed_page(browser, reported, tmp_path, _as_ct)
    width, level = part(page, 1, "width"), part(page, 1, "level")
    page.wait_for_selector(READY)
    assert (width.input_value(), level.input_value()) == ("400", "40")
    assert part(page, 1, "preset").input_value() == "400 40"
    part(page, 1, "preset").select_option(label="brain (80, 40 HU)")
    assert (width.input_value(), level.input_value()) == ("80", "40")
    assert part(page, 1, "unit").first.inner_text() == "HU"
    assert " HU" in page.text_content("#viewer-values")
    width.fill("81")
    width.press("Enter")
    assert part(page, 1, "preset").input_value() == ""
    context.close()


def _as_ct(content):
    ct = next(one for one in content["volumes"] if one["kind"] == "mri")
    ct.update(hounsfield=True, unit="HU", window=[-160, 240], offset=-1000, step=10)


def test_image_planes_zoom_and_keys_change_what_is_drawn(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    set_dose(page, 0)
    first = pixels(page, tmp_path)
    start = page.text_content("#viewer-values")
    assert "Gy" in start
    part(page, 1, "image").select_option("T1c_event")
    page.wait_for_timeout(300)
    second = pixels(page, tmp_path)
    assert np.abs(second - first).mean() > 0.5
    page.locator("#viewer-zoom").fill("200")
    page.wait_for_timeout(300)
    zoomed = pixels(page, tmp_path)
    assert np.abs(zoomed - second).mean() > 5
    page.select_option("#viewer-planes", "0")
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, tmp_path) - zoomed).mean() > 0.5
    page.locator("#viewer-canvas-1").focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    assert page.text_content("#viewer-values") != start
    page.click("#viewer-centre")
    page.wait_for_timeout(300)
    assert page.text_content("#viewer-values") == start
    assert page.text_content("#viewer-zoom-value") == "100 %"
