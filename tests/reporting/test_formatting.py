import pytest

from ricenet_v2.reporting import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.0, "3"), (0.9766, "0.977"), (6.5, "6.5"), (1234.5, "1,234"), (12000, "12,000")],
)
def test_numbers(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (8 * 1024**3, "8 GiB"),
        (1.5e6, "1.43 MiB"),
    ],
)
def test_bytes_in_steps_of_1024(value, text):
    assert formatting.data(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(258, "258"), (2_005_858, "2.01 M"), (3.81e9, "3.81 G"), (-2e6, "-2 M")]
)
def test_counts(value, text):
    assert formatting.count(value) == text


def test_shares_and_plurals():
    assert formatting.share(0.0123) == "1.2 %"
    assert formatting.several(1, "case") == "1 case"
    assert formatting.several(12000, "case") == "12,000 cases"
    assert (
        formatting.times((6.5, 1, 1)) == "6.5 \N{MULTIPLICATION SIGN} 1 \N{MULTIPLICATION SIGN} 1"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.234, "1.23 s"), (75.0, "75 s"), (0.0123, "12.3 ms"), (4.2e-5, "42 \N{MICRO SIGN}s")],
)
def test_seconds_of_a_stage(value, text):
    assert formatting.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25 s"),
        (42.4, "42 s"),
        (59.8, "1 min"),
        (90, "1 min 30 s"),
        (3599.7, "1 h"),
        (12_000, "3 h 20 min"),
        (86_399, "24 h"),
        (86_400 * 2 + 3600 * 4, "2 d 4 h"),
    ],
)
def test_how_long_to_wait(value, text):
    assert formatting.duration(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_no_number(value):
    assert formatting.number(value) == formatting.NOTHING
