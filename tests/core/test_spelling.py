"""Names that look alike."""

import unicodedata

import pytest

from ricenet_v2.core.spelling import Spellings, as_file, composed

DECOMPOSED = unicodedata.normalize("NFD", "Müller")


@pytest.mark.parametrize(
    ("name", "names", "near", "how"),
    [
        ("Label", ["label", "split"], "label", "capitals"),
        ("patient id", ["patient_id", "case_id"], "patient_id", "blanks"),
        ("1", ["001", "002"], "001", "leading zeros"),
        ("p7_scan", ["P007-scan", "P008-scan"], "P007-scan", "leading zeros"),
        ("Müller", [DECOMPOSED, "Muller"], DECOMPOSED, "looks the same"),
    ],
)
def test_the_nearest_name_is_found(name, names, near, how):
    found = Spellings(names).near(name)
    assert found is not None
    assert found[0] == near
    assert how in found[1]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("a", ["a", "b"]),  # itself is no other name
        ("1", ["01", "001"]),  # two are as near
        ("v1.5", ["v1.05"]),  # a digit behind a point is no leading zero
        ("10", ["1"]),
    ],
)
def test_other_names_are_not_near(name, names):
    assert Spellings(names).near(name) is None


def test_one_file_on_macos():
    assert DECOMPOSED != "Müller"
    assert composed(DECOMPOSED) == "Müller"
    assert as_file(DECOMPOSED.upper()) == as_file("müller")
