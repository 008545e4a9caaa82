"""The table of cases in a browser: sorted, filtered, and whole without scripts."""

import pytest

pytestmark = pytest.mark.walk


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
