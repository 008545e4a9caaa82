"""Numbers in tables."""

import pytest

from ricenet_v2.core.decimals import decimals, ends


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.51249, "0.512"),
        (-3.0, "-3.000"),
        (9999.4, "9999.400"),
        (16925.4, "16,925"),
        (-325121534.008, "-325,121,534"),
        (16925445190.0, "1.7e+10"),
    ],
)
def test_large_numbers_have_no_digits_behind_the_point(value, text):
    assert decimals(value) == text


def test_an_interval_has_two_ends_or_none():
    assert ends(0.0, 1.25, "-") == "0.000 to 1.250"
    assert ends(None, 1.25, "-") == ends(0.0, None, "-") == "-"
