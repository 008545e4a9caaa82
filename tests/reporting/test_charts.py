"""Charts: well-formed, in the colours of the page, and honest about what they leave out."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ricenet_v2.reporting import charts, svg
from ricenet_v2.reporting.charts import Mark, Series, histogram, ranges

COLUMNS = {
    "one case": [1.0],
    "two cases": [23.0, 25.0],
    "all alike": [0.9] * 50,
    "all zero": [0.0] * 3,
    "below zero": [-1000.0, -900.0, 40.0],
    "huge": [1e9, 3e12],
    "very many": np.random.default_rng(0).normal(180, 9, 10_000).tolist(),
}


def _words(picture: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(picture).iter("text")]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_histogram_is_well_formed_and_uses_the_colours_of_the_page(name):
    values = np.array(COLUMNS[name])
    chart = histogram("Size", "mm", [Series("a", values), Series("b", values * 1.2)])
    root = ET.fromstring(chart.picture)
    assert root.get("role") == "img"
    assert f"median {charts.number(float(np.median(values)))}" in (root.get("aria-label") or "")
    assert root.find("title").text == root.get("aria-label")
    assert not re.search(r"#[0-9a-fA-F]{6}\b", chart.picture.replace("url(#", ""))
    assert {"mm", "cases"} <= set(_words(chart.picture))
    for forbidden in ("<style", "<metadata", "http", "<!--"):
        assert forbidden not in chart.picture


def test_text_that_users_write_is_escaped():
    chart = histogram('<script>"&', "mm", [Series("a", np.array([1.0, 2.0]))])
    assert "<script" not in chart.picture
    assert ET.fromstring(chart.picture).get("aria-label").startswith('<script>"&, histogram')


def test_ids_differ_between_the_pictures_of_a_page_and_lead_somewhere():
    made = [
        histogram("a", "mm", [Series("a", np.array([1.0, n]))], Mark("target", n)).picture
        for n in (2.0, 3.0)
    ]
    found = [set(re.findall(r' id="([^"]+)"', one)) for one in made]
    assert not found[0] & found[1]
    for one, ids in zip(made, found, strict=True):
        assert (
            set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', one)) == {(name, "") for name in ids}
            or not ids
        )


def test_the_same_values_give_the_same_bytes():
    series = [Series("a", np.arange(9.0))]
    assert histogram("a", "mm", series).picture == histogram("a", "mm", series).picture


@pytest.mark.parametrize("value", [0.1, 1.0, 7.5])
def test_a_mark_is_always_inside_and_labelled(value):
    chart = histogram("a", "mm", [Series("a", np.array([1.0, 1.1]))], Mark("target", value))
    assert f"target {value:g}" in _words(chart.picture)


def test_a_few_far_values_do_not_squeeze_the_rest_and_are_told():
    values = np.append(np.linspace(0.8, 1.2, 999), 500.0)
    chart = histogram("a", "mm", [Series("a", values)])
    assert chart.remark == "Not shown: 1 value above, up to 500."
    assert all(
        float(word) < 5
        for word in _words(chart.picture)
        if re.fullmatch(r"[\d.]+", word) and "." in word
    )
    assert histogram("a", "mm", [Series("a", values[:-1])]).remark == ""


@settings(deadline=None, max_examples=80)
@given(
    st.one_of(
        st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300),
        st.lists(st.integers(0, 600).map(float), min_size=1, max_size=300),
    )
)
def test_every_value_within_the_window_is_in_one_bin(values):
    column = np.array(values)
    window = charts._window(column)
    edges = charts._edges(column, window, 1e-12)
    inside = column[(column >= window[0]) & (column <= window[1])]
    assert np.all(np.diff(edges) > 0)
    assert np.histogram(inside, edges)[0].sum() == inside.size
    assert inside.size >= 0.99 * column.size
    assert len(edges) <= 40


@given(st.lists(st.integers(0, 600), min_size=2, max_size=200))
def test_bins_of_whole_numbers_hold_equally_many_of_them(values):
    column = np.array(values, dtype=float)
    window = charts._window(column)
    edges = charts._edges(column, window, 1e-12)
    if len(edges) > 2:
        counts = np.histogram(np.arange(-100, 1000), edges)[0]
        assert len(set(counts.tolist())) == 1


@pytest.mark.parametrize("n", [1, 2, 60, 61, 10_000])
def test_ranges_of_few_and_of_many_cases(n):
    middle = np.random.default_rng(n).normal(300, 50, n)
    chart = ranges("Range", "intensity", middle - 20, middle, middle + 20)
    root = ET.fromstring(chart.picture)
    assert f"Range of {n:,} case" in root.get("aria-label")
    assert "cases, sorted by median" in _words(chart.picture)


@pytest.mark.parametrize("n", [3, 100])
@pytest.mark.parametrize("value", [0.0, 1000.0])
def test_ranges_of_cases_without_any_range(n, value):
    same = np.full(n, value)
    assert ranges("Range", "intensity", same, same, same).remark == ""


def test_axes_lie_at_the_same_place_in_every_picture():
    boxes = {svg.axes(3.0, 2.0).get_position().bounds for _ in range(2)}
    assert len(boxes) == 1


@pytest.mark.parametrize("spread", [0.0, 0.001, 0.02, 0.3, 2.0])
def test_no_bar_of_a_nearly_uniform_dose_is_a_hairline(spread):
    """Doses of 60 Gy on an axis from 0 to a divisor of 70: every bar is at least 1/60 of it."""
    values = np.linspace(60 - spread / 2, 60 + spread / 2, 40)
    edges = charts._edges(values, (values.min(), values.max()), 70 / charts._THIN)
    assert np.all(np.diff(edges) >= 70 / 60)
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == 40
    chart = histogram("Maximum", "Gy", [Series("a", values)], Mark("divisor", 70.0), low=0)
    drawn = r'<path d="([^"]+)" clip-path="[^"]+" style="fill: var\(--first\)"'
    (filled,) = re.findall(drawn, chart.picture)
    x = [float(pair[0]) for pair in re.findall(r"([\d.]+) ([\d.]+)", filled)]
    assert len(set(x)) == len(edges)
    assert min(np.diff(sorted(set(x)))) > 2.5  # of 190 or so points of the axis
