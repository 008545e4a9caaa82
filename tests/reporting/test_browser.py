"""The report in a browser: what a reader clicks, sees and hears."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ricenet_v2.reporting.case.page import VIEWER_SCRIPTS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip(
        "no chromium on the path (Debian: apt-get install chromium)", allow_module_level=True
    )

AXE = Path(__file__).parent / "axe" / "axe.min.js"
SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PAGES = ("index.html", "cases/PH0001.html", "cases/PH0021.html", "plan.html")
READY = "#viewer[data-ready]"
PATIENCE = 180_000  # ms; software draws slowly on a busy machine


class Watched:
    """A page, and all that it asked for and complained about."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)

    def _said(self, message):
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def driver():
    with playwright.sync_playwright() as started:
        yield started


def _launch(driver, flags):
    return driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])


@pytest.fixture(scope="module")
def browser(driver):
    made = _launch(driver, SOFTWARE_WEBGL)
    yield made
    made.close()


@pytest.fixture
def open_page(browser, reported):
    """A function that opens a page of the report from disk, without any network."""
    contexts = []

    def open_it(name, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto((reported / name).as_uri())
        if name.startswith("cases/"):
            watched.page.wait_for_selector(READY)
        return watched

    yield open_it
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 600)])
@pytest.mark.parametrize("name", PAGES)
def test_no_complaint_no_request_outside_and_no_serious_barrier(
    open_page, reported, name, scheme, width
):
    watched = open_page(name, color_scheme=scheme, viewport={"width": width, "height": 720})
    page = watched.page
    for summary in page.query_selector_all("summary"):
        summary.click()
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("async () => (await axe.run({preload: false})).violations")
    serious = [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious
    assert not watched.complaints
    for url in watched.requests:
        assert url.startswith((reported.as_uri(), "data:", "blob:")), url


def test_a_page_of_a_case_loads_its_own_volumes_only(open_page, reported):
    scripts = [url for url in open_page("cases/PH0001.html").requests if url.endswith(".js")]
    names = [url.rsplit("/", 1)[1] for url in scripts]
    assert sorted(names) == sorted(["PH0001.js", "niivue.umd.js", *VIEWER_SCRIPTS])
    first = [url for url in open_page("index.html").requests if "/cases/" in url]
    assert not first


def _column(page, n):
    return page.eval_on_selector_all(
        f"#case-table tbody tr:not([hidden]) > :nth-child({n})",
        "cells => cells.map(cell => cell.dataset.value ?? cell.textContent.trim())",
    )


def test_columns_sort_by_clicks_and_by_keys(open_page):
    page = open_page("index.html").page
    head = page.locator("#case-table thead th").nth(4)
    button = head.locator("button")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [float(value) for value in _column(page, 5)]
    assert len(values) == 23
    assert values == sorted(values)
    button.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(value) for value in _column(page, 5)] == values[::-1]
    page.locator("#case-table thead th").nth(0).locator("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert _column(page, 1) == sorted(_column(page, 1))


def test_filters_leave_the_rows_that_fit(open_page):
    page = open_page("index.html").page
    everyone = page.eval_on_selector_all(
        "#case-table tbody tr", "rows => rows.map(r => r.innerText)"
    )
    page.select_option("[data-filter=truth]", "recurrence")
    shown = _column(page, 3)
    assert set(shown) == {"recurrence"}
    assert page.text_content("#filter-count") == f"{len(shown)} of 23 rows"
    page.select_option("[data-filter=truth]", "")
    page.check("[data-only=differs]")
    differing = sum("differs" in text for text in everyone)
    assert 0 < differing < 23
    assert len(_column(page, 1)) == differing
    page.uncheck("[data-only=differs]")
    page.fill("#filter-text", "ph000")
    assert _column(page, 1) == [f"PH000{n}" for n in range(1, 10)]
    page.fill("#filter-text", "nobody")
    assert page.text_content("#filter-count") == "0 of 23 rows"


def test_without_scripts_the_table_is_whole(browser, reported):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((reported / "index.html").as_uri())
    assert page.locator("#case-table tbody tr").count() == 23
    assert not page.locator("#filters").is_visible()
    context.close()


def _pixels(page, tmp_path, n=1):
    path = tmp_path / "canvas.png"
    page.locator(f"#viewer-canvas-{n}").screenshot(path=str(path))
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def _set(page, value):
    """The dose so strong, and no lines."""
    for name in ("isodoses", "lesion"):
        page.uncheck(f"#viewer-{name}")
    page.locator("#viewer-dose").fill(str(value))
    page.wait_for_timeout(300)


def _part(page, n, name):
    return page.locator(f"#viewer-panes > :nth-child({n}) [data-part={name}]")


def test_the_viewer_draws_and_the_dose_fades_with_the_slider(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    _set(page, 0)
    grey = _pixels(page, tmp_path)
    assert grey.max() > 150  # the head is there
    coloured = [_colourful(grey)]
    for value in (50, 100):
        _set(page, value)
        assert page.text_content("#viewer-dose-value") == f"{value} %"
        coloured.append(_colourful(_pixels(page, tmp_path)))
    # Without dose all is grey but letters; the more dose, the more colour.
    assert coloured[0] < 0.1 * coloured[1] < 0.1 * coloured[2]
    _set(page, 0)
    assert np.abs(_pixels(page, tmp_path) - grey).mean() < 0.5


def _colourful(pixels):
    return float((pixels.max(axis=2) - pixels.min(axis=2)).sum())


@pytest.mark.parametrize("width", [390, 1200])
def test_the_planes_fill_the_viewer_on_narrow_and_wide_screens(open_page, tmp_path, width):
    page = open_page("cases/PH0021.html", viewport={"width": width, "height": 800}).page
    _set(page, 0)
    assert (_pixels(page, tmp_path).max(axis=2) > 20).mean() > 0.4


def _with_boost(content):
    dose = next(one for one in content["volumes"] if one["kind"] == "dose")
    boost = {**dose, "name": "boost", "low": dose["high"], "high": 10 * dose["high"]}
    content["volumes"].append(boost)


def test_of_several_doses_one_is_shown_and_values_are_those_of_doses(browser, reported, tmp_path):
    context, page = _changed(browser, reported, tmp_path, _with_boost)
    told = page.text_content("#viewer-values").split(", ")
    assert page.locator("#viewer-bar-scale").inner_text().split()[0] == "0"
    assert [one.split()[0] for one in told] == ["dose", "boost"]
    _set(page, 100)
    first = _colourful(_pixels(page, tmp_path))
    page.select_option("#viewer-which", "boost")  # of which nothing lies in its window
    page.wait_for_timeout(300)
    assert _colourful(_pixels(page, tmp_path)) < 0.5 * first
    context.close()


def test_two_images_stand_side_by_side_and_share_the_cross(open_page, tmp_path):
    page = open_page("cases/PH0021.html", viewport={"width": 1200, "height": 900}).page
    assert [_part(page, n, "image").input_value() for n in (1, 2)] == ["T1c_post_op", "T1c_event"]
    boxes = [page.locator(f"#viewer-canvas-{n}").bounding_box() for n in (1, 2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    _set(page, 0)
    start = page.text_content("#viewer-place")
    before = _pixels(page, tmp_path, 2)
    page.locator("#viewer-canvas-1").focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    moved = page.text_content("#viewer-place")
    assert moved != start
    assert np.abs(_pixels(page, tmp_path, 2) - before).mean() > 0.5
    # A click into the second image moves the first one, too.
    before, (box,) = _pixels(page, tmp_path), boxes[1:]
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.wait_for_timeout(300)
    assert np.abs(_pixels(page, tmp_path) - before).mean() > 0.5
    page.click("#viewer-centre")
    assert page.text_content("#viewer-place") == start
    assert start in page.text_content("#pictures .note:not([id])")  # as under the planes
    page.select_option("#viewer-number", "1")
    assert not page.locator("#viewer-canvas-2").is_visible()


def test_window_and_level_are_typed_dragged_and_reset(open_page, tmp_path):
    page = open_page("cases/PH0021.html", viewport={"width": 1200, "height": 900}).page
    _set(page, 0)
    width, level = _part(page, 1, "width"), _part(page, 1, "level")
    usual = width.input_value(), level.input_value()
    assert float(usual[1]) == pytest.approx(float(usual[0]) / 2, rel=1e-3)
    before, other = _pixels(page, tmp_path), _pixels(page, tmp_path, 2)
    width.fill(str(float(usual[0]) / 4))
    level.fill(str(float(usual[0]) / 8))
    level.press("Enter")
    page.wait_for_timeout(300)
    assert _pixels(page, tmp_path).mean() > 1.3 * before.mean()
    assert np.abs(_pixels(page, tmp_path, 2) - other).mean() < 0.5
    _part(page, 1, "reset").click()
    page.wait_for_timeout(300)
    assert (width.input_value(), level.input_value()) == usual
    assert np.abs(_pixels(page, tmp_path) - before).mean() < 0.5
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
        _part(page, 1, "reset").click()
        page.select_option("#viewer-drag", "window")
    assert not _part(page, 1, "presets").is_visible()  # they are of CTs


def test_a_ct_has_the_windows_of_cts(driver, browser, reported, tmp_path):
    context, page = _changed(browser, reported, tmp_path, _as_ct)
    width, level = _part(page, 1, "width"), _part(page, 1, "level")
    page.wait_for_selector(READY)
    assert (width.input_value(), level.input_value()) == ("400", "40")
    assert _part(page, 1, "preset").input_value() == "400 40"
    _part(page, 1, "preset").select_option(label="brain (80, 40 HU)")
    assert (width.input_value(), level.input_value()) == ("80", "40")
    assert _part(page, 1, "unit").first.inner_text() == "HU"
    assert " HU" in page.text_content("#viewer-values")
    width.fill("81")
    width.press("Enter")
    assert _part(page, 1, "preset").input_value() == ""
    context.close()


def _as_ct(content):
    ct = next(one for one in content["volumes"] if one["kind"] == "mri")
    ct.update(hounsfield=True, unit="HU", window=[-160, 240], offset=-1000, step=10)


def _changed(browser, reported, tmp_path, change):
    """The page of a case whose volumes were changed before."""
    shutil.copytree(reported, tmp_path / "report")
    path = tmp_path / "report" / "cases" / "PH0021.js"
    head, text = path.read_text().split(" = ", 1)
    content = json.loads(text.rstrip(";\n"))
    change(content)
    path.write_text(f"{head} = {json.dumps(content)};\n")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((tmp_path / "report" / "cases" / "PH0021.html").as_uri())
    page.wait_for_selector(READY)
    return context, page


def test_lines_are_there_at_the_start_and_lie_as_on_the_planes(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    legend = page.locator("#viewer-lines").inner_text().splitlines()
    assert "outline of the lesion mask" in legend
    assert any(line.startswith("50 % (") for line in legend)
    drawn = page.get_attribute("figure.scan img", "alt")
    assert all(line in drawn for line in legend if "%" in line)
    page.locator("#viewer-dose").fill("0")
    page.wait_for_timeout(300)
    with_lines = _colourful(_pixels(page, tmp_path))
    page.uncheck("#viewer-lesion")
    page.wait_for_timeout(300)
    without_lesion = _colourful(_pixels(page, tmp_path))
    page.uncheck("#viewer-isodoses")
    page.wait_for_timeout(300)
    assert with_lines > without_lesion > 1.5 * _colourful(_pixels(page, tmp_path))
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


def test_image_planes_zoom_and_keys_change_what_is_drawn(open_page, tmp_path):
    page = open_page("cases/PH0021.html").page
    _set(page, 0)
    first = _pixels(page, tmp_path)
    start = page.text_content("#viewer-values")
    assert "Gy" in start
    _part(page, 1, "image").select_option("T1c_event")
    page.wait_for_timeout(300)
    second = _pixels(page, tmp_path)
    assert np.abs(second - first).mean() > 0.5
    page.locator("#viewer-zoom").fill("200")
    page.wait_for_timeout(300)
    zoomed = _pixels(page, tmp_path)
    assert np.abs(zoomed - second).mean() > 5
    page.select_option("#viewer-planes", "0")
    page.wait_for_timeout(300)
    assert np.abs(_pixels(page, tmp_path) - zoomed).mean() > 0.5
    page.locator("#viewer-canvas-1").focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    assert page.text_content("#viewer-values") != start
    page.click("#viewer-centre")
    page.wait_for_timeout(300)
    assert page.text_content("#viewer-values") == start
    assert page.text_content("#viewer-zoom-value") == "100 %"


def test_a_map_is_chosen_and_its_strength_set(open_page, tmp_path):
    watched = open_page("cases/PH0021.html")
    page = watched.page
    _set(page, 0)
    without = _pixels(page, tmp_path)
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
            change = _pixels(page, tmp_path) - without
            warmth.append(sign * float((change[..., 0] - change[..., 2]).mean()))
        assert warmth[1] > 1.2 * warmth[0] > 10
        assert warmth[2] == pytest.approx(0, abs=0.1)
        assert page.text_content("#viewer-map-words") == f"In words, {name}."
        assert page.text_content("#viewer-values").endswith(f", {name} {value} log odds")
    page.locator("#viewer-map-strength").fill("70")
    page.select_option("#viewer-map", "")
    page.wait_for_timeout(300)
    assert np.abs(_pixels(page, tmp_path) - without).mean() < 0.5
    assert not page.locator("#viewer-map-strength").is_visible()
    assert "log odds" not in page.text_content("#viewer-values")
    assert not watched.complaints


def test_where_the_cross_stands_the_dose_is_that_of_the_images(open_page, simulated):
    from ricenet_v2.reporting.case.centre import find_centre
    from ricenet_v2.reporting.case.scan import read_scan
    from ricenet_v2.store.raw import load_raw_dataset

    raw = load_raw_dataset(simulated / "raw" / "Dataset001_PhantomGBM")
    case = next(case for case in raw.cases if case.case_id == "PH0021")
    scan = read_scan(raw, case)
    dose = float(scan.dose[find_centre(scan).index])
    told = open_page("cases/PH0021.html").page.text_content("#viewer-values")
    shown = float(told.rsplit("dose ", 1)[1].removesuffix(" Gy"))
    # The tiny phantom is coarser than 2 mm, so nothing was reduced: a step of 250 remains.
    assert shown == pytest.approx(dose, abs=0.3)


def test_without_webgl_the_planes_stay(driver, reported):
    browser = _launch(driver, ["--disable-gpu", "--disable-3d-apis"])
    watched = Watched(browser.new_context(offline=True).new_page())
    watched.page.goto((reported / "cases/PH0001.html").as_uri())
    watched.page.wait_for_selector("#no-webgl:not([hidden])")
    assert not watched.page.locator("#viewer").is_visible()
    drawn = watched.page.eval_on_selector(
        "figure.scan img", "image => image.complete && image.naturalWidth"
    )
    assert drawn > 0
    assert not watched.complaints
    browser.close()


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_nothing_is_wider_than_a4_and_the_use_is_told(open_page, name):
    page = open_page(name).page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less 14 mm on each side
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 690
    assert page.get_by_text("Research use only. Not a medical device.").first.is_visible()
    assert len(page.pdf(format="A4", prefer_css_page_size=True)) > 10_000


@pytest.mark.parametrize("width", [390, 800])
@pytest.mark.parametrize("name", PAGES[:3])
def test_a_narrow_screen_scrolls_down_only(open_page, name, width):
    page = open_page(name, viewport={"width": width, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Pictures of 760 units a side, of which letters take 11 or 12.
    pictures = "[...document.querySelectorAll('figure.scan img')].map(each => each.clientWidth)"
    assert min(page.evaluate(pictures), default=760) >= 760 * 10 / 11
    heights = page.eval_on_selector_all(
        ".metrics tr", "rows => rows.map(row => row.getBoundingClientRect().height)"
    )
    assert max(heights, default=0) < 160


def test_all_controls_are_reached_by_the_tab_key(open_page):
    page = open_page("index.html").page
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if "filter-text" in seen and "sort" in seen:
            break
    assert {"skip", "filter-text", "sort"} <= seen
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_tables_have_names_and_heads(open_page):
    page = open_page("index.html").page
    tables = page.evaluate(
        """[...document.querySelectorAll("table")].map(t => ({
             name: t.caption ? t.caption.textContent : "",
             heads: [...t.querySelectorAll("th")].every(h => h.scope)}))"""
    )
    assert len(tables) > 8
    assert all(one["name"] and one["heads"] for one in tables), json.dumps(tables)
