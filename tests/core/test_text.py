"""Text files of users: what is no UTF-8 text is told in words."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.text import NotTextError, decoded


def workbook():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_byte_order_mark_is_no_part_of_the_text(text):
    text = text.lstrip("\ufeff")
    assert decoded(text.encode("utf-8-sig")) == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (workbook(), r"\.xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"\.xls"),
        (gzip.compress(b"a,b"), "gzip"),
        (b"%PDF-1.7", "PDF"),
        ("a,b\nü,1".encode("utf-16"), "UTF-16"),
        ("a,b\nü,1".encode("utf-16-be"), "UTF-16"),
        (b"a,b\r\n1,2\r\n3\0,4", "value 0 from line 3"),
        ("a,b\nGröße,1\n".encode("latin-1"), "line 2 .*Größe,1"),
        ("a,b\rx\rGröße,1".encode("latin-1"), "line 3 .*Größe,1"),
    ],
    ids=["xlsx", "xls", "gzip", "pdf", "utf16", "utf16be", "nul", "latin1", "latin1_returns"],
)
def test_what_is_no_text_is_told(content, said):
    with pytest.raises(NotTextError, match=said):
        decoded(content)
