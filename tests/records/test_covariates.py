"""Covariates as numbers: what a column is, and what a cell of it says."""

import math

import pytest

from ricenet_v2.records.covariates import Covariate, covariate_of


def test_numbers_words_and_what_is_neither():
    assert covariate_of("age", ["50", "", "61.5"], ["50", "", "61.5"]) == Covariate("age")
    assert covariate_of("sex", ["M", "F", "n/a"], ["M", "F", "n/a"]) == Covariate("sex", ("F", "M"))
    assert covariate_of("one", ["7", "7"], ["7", "7"]) == "it has a single value"
    assert covariate_of("none", ["", "?"], ["", "?"]) == "nothing of it is known"
    cells = [*map(str, range(40, 52)), "sixty"]
    assert covariate_of("age", cells, cells) == (
        "it has 13 different texts that are not all numbers, e.g. 'sixty'"
    )


@pytest.mark.parametrize(
    ("cell", "values", "is_readable"),
    [("b", (1, 0), True), ("a", (0, 0), True), ("x", (0, 0), False), ("unknown", None, True)],
)
def test_of_three_words_each_has_a_column(cell, values, is_readable):
    covariate = Covariate("site", ("b", "c"))
    two = covariate.values(cell)
    assert covariate.columns == ("site = c",)
    three = Covariate("site", ("b", "c", "d"))
    assert three.columns == ("site = b", "site = c", "site = d")
    assert three.is_readable(cell) == (is_readable and cell != "a")
    if values is None:
        assert all(map(math.isnan, (*two, *three.values(cell))))
    else:
        assert three.values(cell)[:2] == values


def test_a_text_is_no_number():
    covariate = Covariate("age")
    assert covariate.is_readable("61.5")
    assert covariate.is_readable("-")
    assert not covariate.is_readable("sixty")
    assert covariate.values(" 61.5 ") == (61.5,)
    assert math.isnan(covariate.values("none")[0])
