"""One browser for the pages of one report; tests without Playwright or Chromium are skipped."""

import pytest

from tests.reporting.browser.pages import CHROMIUM, READY, Watched, launch

SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="package")
def driver():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on the path (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(driver):
    made = launch(driver, SOFTWARE_WEBGL)
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
