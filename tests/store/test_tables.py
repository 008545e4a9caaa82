"""Tables: no cell is a formula to a spreadsheet, and what is written is read again."""

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.store import tables
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "-",
    "+",
    "=",
    "--",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
]
NUMBERS = ["-1", "+2.5", "-1.5e-05", "-.5", "-inf", "nan", "3."]
SIGNED = st.text(st.sampled_from("=-+@;'\" \t\n\ra1.,"))
SIGNS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def stored(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("text", [*FORMULAS, "'=1", "''-", "plain", "it's", "'quoted'"], ids=ascii)
def test_no_cell_and_no_column_is_a_formula(tmp_path, text):
    tables.write_rows(tmp_path / "t.csv", [{text: text, "b": "c"}])
    for line in stored(tmp_path / "t.csv"):
        assert not any(cell.lstrip(" ").startswith(SIGNS) for cell in line)
    assert tables.read_rows(tmp_path / "t.csv") == [{text: text, "b": "c"}]


PARTS = [
    "a;=1+1;b", "a\t=1+1", "x\n=1+1", 'a;"=1+1&"', 'a;"=1+1', "; =1", "a; -5 mm", "=1;=2",
    "'=1;'=2", "a;'=1", "\t=1", 'a;\'"=1"', ";;@x", "\r\n+1+1", "a;-5", "it's; 'so'",
]  # fmt: skip


@pytest.mark.parametrize("text", PARTS, ids=ascii)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_where_cells_end_elsewhere(tmp_path, text, separator):
    """Spreadsheets of many languages end cells at semicolons, whatever the file has."""
    tables.write_rows(tmp_path / "t.csv", [{"id": "x", text: text, "end": 1}])
    written = (tmp_path / "t.csv").read_bytes().decode()
    lines = csv.reader(io.StringIO(written, newline=""), delimiter=separator)
    for cell in (cell for line in lines for cell in line):
        # What follows a part has the separators of the file in it.
        is_number = cell.strip().partition(",")[0] == "-5"
        assert is_number or not cell.lstrip(' "').startswith(SIGNS)
    assert tables.read_rows(tmp_path / "t.csv") == [{"id": "x", text: text, "end": "1"}]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_stay_numbers(tmp_path, text):
    tables.write_rows(tmp_path / "t.csv", [{"a": text, "b": float(text), "c": None, "d": True}])
    written = stored(tmp_path / "t.csv")[1]
    assert written == [text, str(float(text)), "", "True"]
    assert tables.read_rows(tmp_path / "t.csv")[0]["a"] == text


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")) | SIGNED, min_size=1)
)
def test_texts_come_back(tmp_path_factory, texts):
    path = tmp_path_factory.getbasetemp() / "t.csv"
    # Outer blanks are no part of a cell, but of one that is escaped.
    texts = [text if tables.escaped(text)[:1] == "'" else text.strip() for text in texts]
    texts = [text if text == text.rstrip() else f"{text}." for text in texts]
    tables.write_rows(path, [{"a": text, "b": "-"} for text in texts])
    assert [row["a"] for row in tables.read_rows(path)] == texts
    signed = [cell for line in stored(path)[1:] for cell in line if cell.startswith(SIGNS)]
    for cell in signed:  # e.g. -0
        float(cell)


@pytest.mark.parametrize("text", ["-0", "+1", "-1e5", "-inf"])
def test_a_number_with_a_sign_is_no_formula(text):
    assert tables.escaped(text) == text


def test_case_ids_of_a_dataset_and_of_predictions_are_escaped(tmp_path):
    dataset = Dataset("D", (Channel("a", "mri"),), ("=x", "y"))
    cases = (Case("=1+1", "-p", "=x", "train", {"@age": "+"}), Case("-", "@p", "y"))
    write_raw_tables(tmp_path, dataset, cases)
    assert load_raw_dataset(tmp_path).cases == (
        cases[0],
        Case("-", "@p", "y", "train", {"@age": ""}),
    )
    made = CasePrediction("=1+1", "=x", (0.5, 0.5), (), 0.6, 1.0, ("-warned",))
    predictions = Predictions("D", "auto", "", {}, ("=x", "y"), "mean", True, (made,), ())
    write_predictions(tmp_path, predictions, ())
    (row,) = tables.read_rows(tmp_path / "predictions.csv")
    assert (row["case_id"], row["predicted"], row["warnings"]) == ("=1+1", "=x", "-warned")
    for name in ("cases.csv", "predictions.csv"):
        lines = stored(tmp_path / name)
        assert not any(cell.startswith(SIGNS) for line in lines for cell in line)


def test_an_apostrophe_of_the_user_stays(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n'-5,'quoted'\n")
    assert tables.read_rows(tmp_path / "t.csv") == [{"a": "'-5", "b": "'quoted'"}]


@pytest.mark.parametrize("text", ["a,b\n" + "x" * 131_073 + ",1\n", 'a,b\n1,"' + "x" * 140_000])
def test_a_cell_that_is_too_long_is_named_with_its_line(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"Line 2 [\s\S]*t\.csv[\s\S]*131,072"):
        tables.read_rows(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(tmp_path, end):
    (tmp_path / "t.csv").write_bytes(end.join(["a,b", "1,2", ""]).encode())
    assert tables.read_rows(tmp_path / "t.csv") == [{"a": "1", "b": "2"}]


def test_a_value_without_a_column_is_a_fault(tmp_path):
    with pytest.raises(ValueError, match="no columns for b"):
        tables.write_rows(tmp_path / "t.csv", [{"a": 1, "b": 2}], ["a"])


def test_a_pipe_in_place_of_a_table_is_named_at_once(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(DatasetError, match=r"t\.csv\n.*\n.*a named pipe"):
        tables.read_rows(tmp_path / "t.csv")


def test_decimal_commas_are_those_of_numbers_and_not_of_names(tmp_path):
    file = tmp_path / "cases.csv"
    file.write_text(
        'case_id,label,age,ratio,note\n"1,5","0,5","60,5","1,234","a,b"\n"2,5","0,5",61,"2,345",3\n'
    )
    rows = tables.read_rows(file)
    assert [row["age"] for row in rows] == ["60.5", "61"]
    assert [row["ratio"] for row in rows] == ["1,234", "2,345"]
    assert [(row["case_id"], row["label"]) for row in rows] == [("1,5", "0,5"), ("2,5", "0,5")]
    assert [row["note"] for row in rows] == ["a,b", "3"]
