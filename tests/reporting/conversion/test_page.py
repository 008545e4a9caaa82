"""The page of a conversion: worst cases first, what failed, and nothing from elsewhere."""

import re
import shutil
from dataclasses import replace

import pytest

from ricenet_v2.ingest.case_faults import CaseFault
from ricenet_v2.ingest.checks import CT_BOUND, MRI_BOUND, RegistrationCheck
from ricenet_v2.ingest.rigid import rigid
from ricenet_v2.reporting.conversion.margins import least_margin
from ricenet_v2.reporting.conversion.page import write_conversion_page
from ricenet_v2.reporting.conversion.picture import write_case_picture
from tests.reporting.conversion import converted

CHECKS = {
    "Cgood": RegistrationCheck(0.8, 0.3, 0.25, 1.0),
    "Cpoor": RegistrationCheck(0.35, 0.2, 0.2, 1.0),
    "Ccut": RegistrationCheck(0.8, 0.3, 0.25, 0.901),
}


@pytest.fixture(scope="module")
def cases():
    whole = converted.case().provenance
    records = {name: (converted.registered("T1c_event", c),) for name, c in CHECKS.items()}
    return [replace(whole, case_id=name, registered=each) for name, each in records.items()]


@pytest.fixture(scope="module")
def path(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("raw")
    for name in ("Cgood", "Cpoor"):
        write_case_picture(converted.case(name=name), folder / "qc" / f"{name}.png")
    failed = [
        CaseFault("Cpoor", 3, "An image is damaged.", got="secret", expected="Jane"),
        CaseFault("Cnew", 7, "This case has no <label>."),
    ]
    return write_conversion_page(folder, "Dataset <1>", cases, failed, ["Ccut"])


@pytest.fixture
def page(path):
    return path.read_text(encoding="utf-8")


def test_the_worst_cases_come_first(page):
    shown = re.findall(r'<div class="group" id="(\w+)">', page)
    assert shown == ["Ccut", "Cpoor", "Cgood"]


def test_what_failed_or_has_no_row_is_said_with_what_there_is(page):
    section = page[page.index('id="missing"') : page.index('id="figures"')]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in section.split("<tr>")[2:]]
    assert rows == [
        ["Cpoor", "An image is damaged.", "what was converted before"],
        ["Cnew", "This case has no &lt;label&gt;.", "nothing"],
        ["Ccut", "It is in no row of the manifest.", "what was converted before"],
    ]
    assert "its row failed now" in page
    assert "secret" not in page
    assert "Jane" not in page


def test_the_page_needs_nothing_but_the_pictures_beside_it(page):
    used = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {name for name in used if not name.startswith(("#", "data:"))} == {
        "Cgood.png", "Cpoor.png",
    }  # fmt: skip
    assert not re.search(r"https?:|@import|url\(|<script", page)
    assert "converted without a picture" in page  # Ccut has none


def test_names_are_escaped_and_pictures_are_described(page):
    assert "Dataset &lt;1&gt;" in page
    assert "Dataset <1>" not in page
    for tag in re.findall(r"<img[^>]+>", page):
        assert 'alt="C' in tag
        assert re.search(r'width="\d{3,4}" height="\d{3,4}"', tag)


def test_letters_of_pictures_are_large_enough_on_a_phone(path):
    """A picture is 760 units wide, its letters 11 or 12; the page itself is not moved sideways."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on the path (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(path.as_uri())
        widths = page.evaluate("[...document.images].map(each => each.clientWidth)")
        across = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert min(widths) >= 760 * 10 / 11
    assert across <= 390


def test_a_table_leads_to_the_pictures(page):
    assert '<a href="#Cgood">Cgood</a>' in page


@pytest.mark.parametrize(
    ("check", "bound", "margin"),
    [
        (RegistrationCheck(1.0, 0.0, 0.0, 1.0), MRI_BOUND, 1.0),
        (RegistrationCheck(0.3, 0.0, 0.0, 1.0), MRI_BOUND, 0.0),
        (RegistrationCheck(0.65, 0.0, 0.0, 1.0), MRI_BOUND, 0.5),
        (RegistrationCheck(0.9, 0.6, 0.0, 1.0), MRI_BOUND, 0.0),
        (RegistrationCheck(0.9, 0.0, 0.9, 1.0), MRI_BOUND, 0.0),
        (RegistrationCheck(0.9, 0.0, 0.0, 0.95), MRI_BOUND, 0.5),
        (RegistrationCheck(0.8, 0.6, 0.0, 1.0), CT_BOUND, 0.0),
        (RegistrationCheck(0.8, 0.0, 0.0, 1.0, 0.8), MRI_BOUND, 0.0),
        (RegistrationCheck(0.8, 0.0, 0.0, 1.0, 0.9), MRI_BOUND, -0.125),
        (RegistrationCheck(0.2, 0.1, 0.0, 1.0), MRI_BOUND, (0.2 - 0.3) / 0.7),
    ],
)
def test_a_margin_is_0_at_a_bound_and_1_in_a_perfect_pair(check, bound, margin):
    assert check.margin(bound) == pytest.approx(margin, abs=1e-12)
    if margin > 0:
        assert check.faults_by(bound) == ()
    if margin < 0:
        assert check.faults_by(bound)


def test_a_planning_ct_is_judged_by_the_bound_of_ct(cases):
    check = RegistrationCheck(0.6, 0.42, 0.05, 1.0)
    case = replace(cases[0], registered=(converted.registered("planning CT", check),))
    assert least_margin(case) == pytest.approx(0.05 / 0.75)
    assert least_margin(replace(case, registered=())) == float("inf")


def test_turned_images_are_told_in_degrees(tmp_path, cases):
    turn = rigid([[0, -1, 0], [1, 0, 0], [0, 0, 1]], [0, 0, 0])
    record = replace(cases[0].registered[0], rotation=turn.rotation)
    case = replace(cases[0], registered=(record,))
    text = write_conversion_page(tmp_path, "D", [case]).read_text(encoding="utf-8")
    assert '<td class="num">90</td>' in text
    assert "Failed or without a row" not in text
