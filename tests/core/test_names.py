"""What may become part of a path, and what is a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core import names
from ricenet_v2.core.errors import NameInPathError

WRONG = [
    "", ".", "..", "../x", "../../..", "a/b", "/etc/passwd", "a\\b", "..\\x", "C:x", "C:\\x",
    ".hidden", "a\nb", "a\0b", "a\tb", " a", "a ", "x" * 201, "ä" * 101, "\udcff", "a\u202eb",
    "a.", "NUL", "con", "Aux.1", "COM1", "lpt9.nii", "com¹", "a\u200bb", "\ufeffa", "a\u00adb",
]  # fmt: skip


@pytest.mark.parametrize("name", WRONG, ids=ascii)
def test_what_is_no_part_of_a_path_is_refused(name, tmp_path):
    with pytest.raises(NameInPathError, match=r"plan cannot be part of a path[\s\S]*what to do"):
        names.part(name, "plan", tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "auto",
        "=1+1",
        "-",
        "T1 post-op (3T)",
        "größe",
        "患者",
        "a.b",
        "2021-01-01T10:00",
        "+",
        "contrast",
    ],
)
def test_usual_names_are_taken_as_they_are(name):
    assert names.part(name, "case") == name


@given(st.text(max_size=300))
def test_a_part_never_leaves_its_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        path = folder / names.part(name, "case")
    except NameInPathError:
        return
    assert path.parent == folder
    assert path.resolve().parent == folder.resolve()
    assert path.name == name


def test_numbers_are_those_that_python_prints():
    assert [names.number(text) for text in ("0", "7", "123456789")] == [0, 7, 123456789]
    wrong = ["", "²", "\u0663", "05", "-1", "1.0", " 1", "1_0", "9" * 5000, "1\n"]
    assert [names.number(text) for text in wrong] == [None] * len(wrong)
