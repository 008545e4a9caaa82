import pytest

from ricenet_v2.core.listing import first_of


@pytest.mark.parametrize(
    ("n", "separator", "text"),
    [
        (0, ", ", ""),
        (2, ", ", "c0, c1"),
        (3, ", ", "c0, c1, c2"),
        (4, ", ", "c0, c1, c2 and 1 more"),
        (4, "; ", "c0; c1; c2; and 1 more"),
        (1203, ", ", "c0, c1, c2 and 1,200 more"),
    ],
)
def test_the_others_are_counted(n, separator, text):
    assert first_of([f"c{i}" for i in range(n)], 3, separator) == text
