"""manifest.csv is read as any spreadsheet program saves it, and says what it cannot understand."""

import contextlib
import csv
import io
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.manifest import EVENT, POST_OP, read_manifest, write_manifest
from ricenet_v2.ingest.pseudonyms import KEY_NAME, pseudonyms_of
from ricenet_v2.records.manifest import Manifest, ManifestRow

ROW = ManifestRow(
    patient="0012345",
    label="recurrence",
    images={POST_OP.title: "s0123456789", EVENT.title: "s1e5"},
    dose=("s1", "s2"),
    factor=("1", "n"),
    fractions=(30, 10),
    prescription_gy=(59.4, 35.0),
    structures="s3",
    lesion_roi="GTV, boost",
    covariates={"age": "61"},
    reason="=1+1; two",
)
OTHER = ManifestRow(patient="p2", split="test", images={POST_OP.title: "", EVENT.title: ""})
MANIFEST = Manifest((POST_OP, EVENT), (ROW, OTHER))


def _plain(manifest):
    """Without lines, and covariates that are empty."""
    return [
        {**vars(row), "line": 0, "covariates": {k: v for k, v in row.covariates.items() if v}}
        for row in manifest.rows
    ]


def _written(tmp_path):
    write_manifest(tmp_path / "manifest.csv", MANIFEST)
    return tmp_path / "manifest.csv"


def test_what_is_written_is_read(tmp_path):
    path = _written(tmp_path)
    assert _plain(read_manifest(path)) == _plain(MANIFEST)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cells = next(iter(csv.DictReader(io.StringIO(path.read_text()))))
    assert cells["reason"] == "'=1+1; two"


def _saved(path, separator=",", quoting=csv.QUOTE_MINIMAL, end="\n", before="", cut=False):
    lines = list(csv.reader(io.StringIO(path.read_text())))
    if cut:
        lines = [line[: max(i for i, cell in enumerate(line) if cell) + 1] for line in lines]
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=end).writerows(lines)
    path.write_bytes((before + stream.getvalue()).encode())


@pytest.mark.parametrize(
    "as_saved",
    [
        {"before": "\ufeff"},
        {"separator": ";", "end": "\r\n", "before": "\ufeff"},
        {"separator": ";", "before": "sep=;\r\n", "end": "\r\n"},
        {"separator": "\t"},
        {"quoting": csv.QUOTE_ALL, "end": "\r\n"},
        {"separator": ";", "cut": True},
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_the_same(tmp_path, as_saved):
    path = _written(tmp_path)
    _saved(path, **as_saved)
    assert _plain(read_manifest(path)) == _plain(MANIFEST)


def test_decimal_commas_and_other_dates_are_read(tmp_path):
    path = _written(tmp_path)
    text = path.read_text().replace("59.4 35", '"59,4 35,0"')
    lines = text.splitlines()
    place = lines[0].split(",").index("event_date")
    cells = next(csv.reader([lines[2]]))
    cells[place] = "2024-03-01"
    path.write_text("\n".join([*lines[:2], ",".join(cells)]))
    first, second = read_manifest(path).rows
    assert first.prescription_gy == (59.4, 35.0)
    assert second.event_date == "20240301"
    assert (first.line, second.line) == (2, 3)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("dose,", "doses,", "without dose; 1 unknown: 'doses'"),
        ("mri:T1c_post_op,mri:T1c_event", "a,b", "without mri:T1c_post_op; 2 unknown"),
        ("1 n", "2 n", "line 2: factor is neither 1 nor n"),
        ("30 10", "30.5 10", "line 2: fractions is not a whole number"),
        ("59.4 35", "-5 35", "line 2: prescription_gy is not a number"),
        ("test", "tets", "line 3: split is neither"),
        ("p2", "", "line 3: patient is empty"),
        ("p2", "0012345", "lines 2, 3: the same patient and case"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, text):
    path = _written(tmp_path)
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(DatasetError) as caught:
        read_manifest(path)
    assert text in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


CELLS = st.text(st.sampled_from("p1,; \t\n\"'=abn.-s:é\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=15, max_size=15), max_size=3), cut=st.integers(0, 400)
)
def test_whatever_stands_in_a_table_ends_in_words(tmp_path, rows, cut):
    path = _written(tmp_path)
    header = path.read_text().splitlines()[0]
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    path.write_bytes((header + "\n" + stream.getvalue()).encode()[cut % 60 :])
    with contextlib.suppress(DatasetError):
        manifest = read_manifest(path)
        write_manifest(path, manifest)
        again = read_manifest(path)
        assert _plain(again) == _plain(manifest)


def test_a_manifest_without_rows_is_refused(tmp_path):
    write_manifest(tmp_path / "manifest.csv", Manifest((POST_OP,), ()))
    with pytest.raises(DatasetError, match="has no cases"):
        read_manifest(tmp_path / "manifest.csv")


def test_pseudonyms_follow_from_the_key_alone(tmp_path):
    first = pseudonyms_of(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600
    assert pseudonyms_of(tmp_path).of("C", "a", "b") == first.of("C", "a", "b")
    assert first.of("C", "a", "b") != first.of("C", "ab")
    assert first.of("C", "a")[0] == "C"
    other = tmp_path / "other"
    other.mkdir()
    assert pseudonyms_of(other, keep=False).of("C", "a") != first.of("C", "a")
    assert list(other.iterdir()) == []
    (tmp_path / KEY_NAME).write_text("abc")
    with pytest.raises(DatasetError, match="damaged"):
        pseudonyms_of(tmp_path)
