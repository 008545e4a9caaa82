"""Documents of a report."""

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.report import ReportRecord, ReportSection, SectionFigure, SectionTable


def test_they_survive_a_file(tmp_path):
    picture = SectionFigure("a.png", "A map")
    part = ReportSection(
        "Occlusion",
        "In words.",
        (SectionTable("t", ("a",), (("1",),)),),
        (picture,),
        {"c": (picture,)},
        2,
    )
    record = ReportRecord("D", "auto", "all", ("ricenet_report",), "1", {}, 3, 4, {"a": "b"})
    for value in (part, record):
        documents.write(tmp_path / "x.json", value)
        assert documents.read(type(value), tmp_path / "x.json") == value


def test_another_document_is_no_part(tmp_path):
    documents.write(tmp_path / "x.json", ReportSection("A"))
    with pytest.raises(DocumentError, match="another kind"):
        documents.read(ReportRecord, tmp_path / "x.json")
