"""What a report did not find is said with the way in."""

import dataclasses

import pytest

from ricenet_v2.cli import report
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.report import ReportSection
from ricenet_v2.reporting.results.absent import absent
from ricenet_v2.reporting.results.report_sections import SectionFolder
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths


@pytest.fixture(scope="module")
def sources(simulated):
    return read_sources(dataset_paths(NAME, simulated), "auto", "all", [simulated / "predictions"])


def _told(sources):
    return {one.what: one.how for one in absent(sources)}


def test_what_was_found_is_not_listed(sources, tmp_path):
    found = _told(sources)
    assert list(found) == ["calibration", "comparison", "explanation", "subsets of channels"]
    assert "--sections FOLDER" in found["explanation"]
    (tmp_path / "explanation.json").write_text("{}")
    part = SectionFolder(tmp_path, ReportSection("Maps", "", (), ()))
    changed = dataclasses.replace(sources, parts=(part,), comparisons={"a": None})
    assert list(_told(changed)) == ["calibration", "subsets of channels"]


def test_predictions_and_their_metrics_are_told_apart(sources):
    own, other = sources.results
    assert _told(dataclasses.replace(sources, results=(own,)))[
        "predictions of test cases or new patients"
    ] == ("--predictions FOLDER")
    bare = (own, dataclasses.replace(other, evaluation=None))
    assert "metrics, folder predictions" in _told(dataclasses.replace(sources, results=bare))


@pytest.mark.usefixtures("small_work")
def test_the_page_and_the_console_say_it(simulated, tmp_path, capsys):
    documents.write(tmp_path / "x" / "report_part.json", ReportSection("Elsewhere", "", (), ()))
    line = [NAME, "--workspace", str(simulated), "-o", str(tmp_path / "report")]
    assert report.main([*line, "--sections", str(tmp_path / "x")]) == 0
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "<h2>Elsewhere</h2>" in page
    rows = page.split("<h3>Not in this report</h3>")[1].split("</table>")[0]
    shown = capsys.readouterr().out
    for told in (rows, shown):
        assert "explanation" in told
        assert "--sections FOLDER" in told
