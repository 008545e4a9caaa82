"""Pages of a report in a browser: complaints, barriers, paper, narrow screens, the keyboard."""

import json
from pathlib import Path

import pytest

from ricenet_v2.reporting.case.page import VIEWER_SCRIPTS
from tests.reporting.browser.pages import PAGES, Watched, launch

pytestmark = pytest.mark.walk

AXE = Path(__file__).parent / "axe" / "axe.min.js"


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


def test_without_webgl_the_planes_stay(driver, reported):
    browser = launch(driver, ["--disable-gpu", "--disable-3d-apis"])
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
