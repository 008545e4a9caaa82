"""What the viewer of a case draws: images, dose, isodose lines, lesions and maps."""

import numpy as np
import pytest

from ricenet_v2.reporting.case.centre import find_centre
from ricenet_v2.reporting.case.scan import read_scan
from ricenet_v2.store.raw import load_raw_dataset
from tests.reporting.browser.viewer import changed_page, colourful, pixels, set_dose

pytestmark = pytest.mark.walk


def test_the_viewer_draws_and_the_dose_fades_with_the_slider(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    set_dose(page, 0)
    grey = pixels(page, tmp_path)
    assert grey.max() > 150  # the head is there
    coloured = [colourful(grey)]
    for value in (50, 100):
        set_dose(page, value)
        assert page.text_content("#viewer-dose-value") == f"{value} %"
        coloured.append(colourful(pixels(page, tmp_path)))
    # Without dose all is grey but letters; the more dose, the more colour.
    assert coloured[0] < 0.1 * coloured[1] < 0.1 * coloured[2]
    set_dose(page, 0)
    assert np.abs(pixels(page, tmp_path) - grey).mean() < 0.5


@pytest.mark.parametrize("width", [390, 1200])
def test_the_planes_fill_the_viewer_on_narrow_and_wide_screens(open_page, tmp_path, width):
    page = open_page("cases/PH0021.html", viewport={"width": width, "height": 800}).page
    set_dose(page, 0)
    assert (pixels(page, tmp_path).max(axis=2) > 20).mean() > 0.4


def test_of_several_doses_one_is_shown_and_values_are_those_of_doses(browser, reported, tmp_path):
    context, page = changed_page(browser, reported, tmp_path, _with_boost)
    told = page.text_content("#viewer-values").split(", ")
    assert page.locator("#viewer-bar-scale").inner_text().split()[0] == "0"
    assert [one.split()[0] for one in told] == ["dose", "boost"]
    set_dose(page, 100)
    first = colourful(pixels(page, tmp_path))
    page.select_option("#viewer-which", "boost")  # of which nothing lies in its window
    page.wait_for_timeout(300)
    assert colourful(pixels(page, tmp_path)) < 0.5 * first
    context.close()


def _with_boost(content):
    dose = next(one for one in content["volumes"] if one["kind"] == "dose")
    boost = {**dose, "name": "boost", "low": dose["high"], "high": 10 * dose["high"]}
    content["volumes"].append(boost)


def test_lines_are_there_at_the_start_and_lie_as_on_the_planes(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    legend = page.locator("#viewer-lines").inner_text().splitlines()
    assert "outline of the lesion mask" in legend
    assert any(line.startswith("50 % (") for line in legend)
    drawn = page.get_attribute("figure.scan img", "alt")
    assert all(line in drawn for line in legend if "%" in line)
    page.locator("#viewer-dose").fill("0")
    page.wait_for_timeout(300)
    with_lines = colourful(pixels(page, tmp_path))
    page.uncheck("#viewer-lesion")
    page.wait_for_timeout(300)
    without_lesion = colourful(pixels(page, tmp_path))
    page.uncheck("#viewer-isodoses")
    page.wait_for_timeout(300)
    assert with_lines > without_lesion > 1.5 * colourful(pixels(page, tmp_path))
    assert not page.locator("#viewer-lines").is_visible()


def test_an_isodose_line_of_the_viewer_is_where_the_dose_has_that_value(open_page):
    page = open_page("cases/PH0021.html").page
    worst = page.evaluate(
        """() => {
             const n = 21, middle = 10, values = new Float32Array(n ** 3);
             values.forEach((_, at) => {
               const [x, y, z] = [at % n, Math.floor(at / n) % n, Math.floor(at / n / n)];
               const away = [x - middle, 2 * (y - middle), z - middle];
               values[at] = 60 - 2 * Math.hypot(...away);
             });
             const volume = {values, size: [n, n, n], step: [1, 2, 1], start: [-10.5, -21, -10.5]};
             const lines = [0, 1, 2].map((plane) =>
               window.ricenetContours.contoursOf(volume, plane, 0, 48, "test"));
             return lines.map((all) => [all.length, Math.max(...all.flat().map(([a, b]) =>
               Math.abs(Math.hypot(a, b) - 6)))]);
           }"""
    )
    for count, away in worst:
        assert count == 1
        assert away < 0.2


def test_a_map_is_chosen_and_its_strength_set(open_page, tmp_path):
    watched = open_page("cases/PH0021.html")
    page = watched.page
    set_dose(page, 0)
    without = pixels(page, tmp_path)
    assert page.eval_on_selector_all("#viewer-map option", "them => them.map(o => o.text)") == [
        "none",
        "for it",
        "against it",
    ]
    assert not page.locator("#viewer-map-strength").is_visible()
    # Orange is red less blue, blue the contrary; the more of it, the stronger.
    for name, value, sign in (("for it", "≥ +0.50", 1), ("against it", "≤ -0.25", -1)):
        page.select_option("#viewer-map", name)
        warmth = []
        for strength in (70, 100, 0):
            page.locator("#viewer-map-strength").fill(str(strength))
            page.wait_for_timeout(300)
            assert page.text_content("#viewer-map-value") == f"{strength} %"
            change = pixels(page, tmp_path) - without
            warmth.append(sign * float((change[..., 0] - change[..., 2]).mean()))
        assert warmth[1] > 1.2 * warmth[0] > 10
        assert warmth[2] == pytest.approx(0, abs=0.1)
        assert page.text_content("#viewer-map-words") == f"In words, {name}."
        assert page.text_content("#viewer-values").endswith(f", {name} {value} log odds")
    page.locator("#viewer-map-strength").fill("70")
    page.select_option("#viewer-map", "")
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, tmp_path) - without).mean() < 0.5
    assert not page.locator("#viewer-map-strength").is_visible()
    assert "log odds" not in page.text_content("#viewer-values")
    assert not watched.complaints


def test_where_the_cross_stands_the_dose_is_that_of_the_images(open_page, simulated):
    raw = load_raw_dataset(simulated / "raw" / "Dataset001_PhantomGBM")
    case = next(case for case in raw.cases if case.case_id == "PH0021")
    scan = read_scan(raw, case)
    dose = float(scan.dose[find_centre(scan).index])
    told = open_page("cases/PH0021.html").page.text_content("#viewer-values")
    shown = float(told.rsplit("dose ", 1)[1].removesuffix(" Gy"))
    # The tiny phantom is coarser than 2 mm, so nothing was reduced: a step of 250 remains.
    assert shown == pytest.approx(dose, abs=0.3)
