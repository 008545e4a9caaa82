import pytest

from ricenet_v2.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.0, "3"), (0.9766, "0.977"), (6.5, "6.5"), (1234.5, "1,234"), (12000, "12,000")],
)
def test_numbers(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 kB"),
        (8 * 1024**3, "8 GB"),
        (1.5e6, "1.43 MB"),
    ],
)
def test_bytes_in_steps_of_1024(value, text):
    assert words.data(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(258, "258"), (2_005_858, "2.01 M"), (3.81e9, "3.81 G"), (-2e6, "-2 M")]
)
def test_counts(value, text):
    assert words.count(value) == text


def test_shares_and_plurals():
    assert words.share(0.0123) == "1.2 %"
    assert words.several(1, "case") == "1 case"
    assert words.several(12000, "case") == "12,000 cases"
    assert words.times((6.5, 1, 1)) == "6.5 \N{MULTIPLICATION SIGN} 1 \N{MULTIPLICATION SIGN} 1"
