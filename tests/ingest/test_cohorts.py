"""Public cohorts: labels by their tables, layouts as published, and what they lack named."""

import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ricenet_v2.api.cohorts import cohort_manifest
from ricenet_v2.cli import convert
from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.ingest.cohorts.flow import flow_of
from ricenet_v2.ingest.cohorts.known import COHORTS
from ricenet_v2.ingest.cohorts.record import ON_IMAGES, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import CohortSources
from ricenet_v2.ingest.cohorts.tables import read_cohort_table
from ricenet_v2.ingest.manifest import read_manifest
from ricenet_v2.ingest.scan import scan
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.cohort_layouts import LAYOUTS, image


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    LAYOUTS[request.param](folder)
    return request.param, folder


@pytest.fixture(scope="module")
def scanned(layout):
    name, folder = layout
    return name, scan(folder)


def test_commands_are_those_of_the_cohorts():
    assert {name: cohort.title for name, cohort in COHORTS.items()} == convert.COHORTS


def test_a_flow_adds_up_and_is_written(layout, tmp_path, capsys):
    name, folder = layout
    assert convert.main([name, str(folder), "-o", str(tmp_path / "work")]) == 0
    said = capsys.readouterr().out
    steps = Counter()
    for row in read_rows(tmp_path / "work" / "flow.csv"):
        steps[row["step"]] += int(row["number"])
        assert row["what"].split()[0] in said
    assert steps["in the table"] == steps["excluded"] + steps["case"] > 0
    rows = read_manifest(tmp_path / "work" / "manifest.csv").rows
    assert len(rows) == steps["case"] > 0
    keys = {row["key"] for row in read_rows(tmp_path / "work" / "series.csv")}
    named = {key for row in rows for key in (*row.images.values(), *row.dose, row.brain) if key}
    assert named <= keys


def test_a_missing_table_or_column_is_named(layout, tmp_path):
    name, folder = layout
    with pytest.raises(DatasetError, match=r"table of this cohort is missing[\s\S]*--tables"):
        cohort_manifest(name, folder, tmp_path / "work", tables=tmp_path)
    for table in COHORTS[name].tables.values():
        for column in table.columns.values():
            file = tmp_path / "table.csv"
            write_rows(file, [{"x": 1}], [c for c in ("x", *table.columns.values()) if c != column])
            with pytest.raises(DatasetError) as caught:
                read_cohort_table(file, table)
            assert caught.value.expected == column


def test_a_manifest_that_is_there_stays(layout, tmp_path):
    name, folder = layout
    cohort_manifest(name, folder, tmp_path / "work")
    path = tmp_path / "work" / "manifest.csv"
    before = path.read_bytes()
    cohort_manifest(name, folder, tmp_path / "work")
    assert path.read_bytes() == before
    first = read_manifest(path).rows[0].label
    path.write_text(path.read_text().replace(first, "corrected", 1))
    with pytest.raises(DatasetError, match="Another manifest already exists"):
        cohort_manifest(name, folder, tmp_path / "work")
    assert "corrected" in path.read_text()


WORDS = ("PD", "SD", "Post-Op", "week-001", "week-2-3", "1", "40.05", "1e9", "-3", "nan", "GK_103",
         "Burdenko-GBM-001", "UCSD-PTGBM-0001_01", "pseudo", "recurrence", "2015-06-01", "9" * 400,
         "99999999", "31.02.2015")  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_stands_in_a_table_each_row_is_a_case_or_excluded(scanned, data):
    name, result = scanned
    cohort = COHORTS[name]
    cell = st.sampled_from(WORDS) | st.text(max_size=8)
    tables = {
        table: data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(each.columns, cell))))
        for table, each in cohort.tables.items()
    }
    sources = CohortSources(result, tables)
    for rule in cohort.rules.values():
        outcome = list(rule(sources))
        assert {each.rule for each in outcome if isinstance(each, ExcludedCase)} <= {
            *cohort.exclusions
        }
        flow_of(cohort, outcome)


def test_without_any_image_nothing_is_written(tmp_path):
    (tmp_path / "a").mkdir()
    LAYOUTS["lumiere"](tmp_path / "a")
    image(tmp_path / "b" / "x.nii.gz")
    with pytest.raises(DatasetError, match="No eligible cases in LUMIERE") as caught:
        cohort_manifest("lumiere", tmp_path / "b", tmp_path / "work", tables=tmp_path / "a")
    assert f"3 {ON_IMAGES}" in caught.value.got
    assert not (tmp_path / "work" / "manifest.csv").exists()


def test_unknown_cohorts_and_rules_are_refused(tmp_path):
    with pytest.raises(OptionError, match="no such cohort"):
        cohort_manifest("brats", tmp_path, tmp_path / "work")
    with pytest.raises(OptionError, match="no such rule"):
        cohort_manifest("lumiere", tmp_path, tmp_path / "work", rule="x")


BOOK = CohortTable(("book",), {"session": "ID"}, sheet="Cinical info")


def test_a_workbook_needs_a_package_or_a_text(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DatasetError, match=r"table is a workbook[\s\S]*'Cinical info' as CSV"):
        read_cohort_table(tmp_path / "book.xlsx", BOOK)


def test_a_workbook_is_read_by_its_sheet(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["notes"])
    sheet = book.create_sheet("Cinical info")
    for line in (["ID ", "age"], ["A_01", 61.0], [None, None], [7.0, None]):
        sheet.append(line)
    book.save(tmp_path / "book.xlsx")
    rows = read_cohort_table(tmp_path / "book.xlsx", BOOK)
    assert rows == [
        {"ID": "A_01", "age": "61", "session": "A_01"},
        {"ID": "7", "age": "", "session": "7"},
    ]
    (tmp_path / "bad.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(DatasetError, match="workbook cannot be read"):
        read_cohort_table(tmp_path / "bad.xlsx", BOOK)
