"""The parts of an error, and the same error with others."""

from pathlib import Path

import pytest

from ricenet_v2.core.errors import DocumentError, LateError


def test_an_error_with_other_parts_keeps_the_rest():
    first = DocumentError("No.", file=Path("a.json"), expected=1, got=2, remedy="Mend it.")
    other = first.with_parts(case="C01", remedy="Make it anew.")
    assert type(other) is DocumentError
    assert (other.what, other.file, other.expected, other.got) == ("No.", Path("a.json"), 1, 2)
    assert (other.case, other.remedy) == ("C01", "Make it anew.")
    assert "case: C01" in str(other)
    assert "what to do: Make it anew." in str(other)
    assert (first.case, first.remedy) == (None, "Mend it.")
    with pytest.raises(TimeoutError):
        raise LateError.after(3).with_parts(case="C02")
