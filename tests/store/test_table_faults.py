"""Tables that cannot be read rightly are refused in words that help."""

import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store import tables


def refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, newline="", encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        tables.read_table(tmp_path / "t.csv")
    assert caught.value.file == tmp_path / "t.csv"
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("case_id,label,label", "'label' and 'label'"),
        ("case_id,label,Label", "'label' and 'Label'"),
        ("case_id,label, label ", "'label' and 'label'"),
        ('case_id,"=x",\'=x', "'=x' and '=x'"),
        ("a,b,A,B", "'a' and 'A'; 'b' and 'B'"),
        ("u\u0308,ü", "'u\u0308' and 'ü'"),
    ],
)
def test_columns_have_names_of_their_own(tmp_path, header, named):
    cells = ",".join("1" * (header.count(",") + 1))
    assert named in refused(tmp_path, f"{header}\n{cells}\n")


def test_classes_may_differ_in_capitals(tmp_path):
    rows = [{"case_id": "a", "prob_rice": "0.25", "prob_RICE": "0.75"}]
    tables.write_rows(tmp_path / "t.csv", rows)
    assert tables.read_rows(tmp_path / "t.csv") == rows
    assert "'prob_x' and 'prob_x'" in refused(tmp_path, "case_id,prob_x,prob_x\na,1,0\n")


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("case_id;label\na;x\n", "semicolons"),
        ("case_id;dose, Gy;label\na;60,5;x\n", "semicolons"),
        ("\n\ncase_id\tlabel\na\tx\n", "tabs"),
        ("case_id|label\na|x\n", "vertical bars"),
        ("case_id label split\na x train\n", "blanks"),
    ],
)
def test_another_separator_is_told(tmp_path, text, signs):
    said = refused(tmp_path, text)
    assert f"separated by {signs}, not by commas" in said
    assert "decimal point" in said


@pytest.mark.parametrize("header", ["case id,a;b;c", "a;b,c", "'\t=1,b", "case_id,prob_a;b;c"])
def test_a_name_may_hold_such_a_sign(tmp_path, header):
    (tmp_path / "t.csv").write_text(f"{header}\n1,2\n")
    assert len(tables.read_table(tmp_path / "t.csv").columns) == 2


@pytest.mark.parametrize("line", ["sep=;", '"sep=,"', "SEP=\t"])
def test_the_note_of_excel_is_no_header(tmp_path, line):
    assert "Delete this line" in refused(tmp_path, f"{line}\na,b\n1,2\n")


def test_a_quote_that_is_not_closed_swallows_nothing(tmp_path):
    said = refused(tmp_path, 'a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert "Line 3 of this table" in said
    assert "not closed" in said


def test_a_quote_inside_of_a_cell_is_a_text(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n5" tall,"x ""y"" z"\n')
    assert tables.read_rows(tmp_path / "t.csv") == [{"a": '5" tall', "b": 'x "y" z'}]


def test_ragged_rows_are_counted(tmp_path):
    said = refused(tmp_path, "a,b\n\n1,60,5\n1\n1,2\n")
    assert "Line 3 of this table does not fit the header (nor do 1 others)" in said
    assert "decimal point" in said


def test_blank_lines_and_empty_columns_are_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text("\n  \na,,b,\n1,,2,\n , , ,\n,,,\n3,,4,\n")
    made = tables.read_table(tmp_path / "t.csv")
    assert made.columns == ("a", "b")
    assert made.rows == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert made.lines == (4, 7)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'a,b\r\n"1\r\n2",3\r\n4,5\r\n')
    assert tables.read_table(tmp_path / "t.csv").lines == (2, 4)


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " \n"])
def test_an_empty_table(tmp_path, text):
    assert "is empty" in refused(tmp_path, text)


def test_a_column_with_cells_needs_a_name(tmp_path):
    said = refused(tmp_path, ",case_id,label\n0,a,x\n1,b,y\n")
    assert "Column 1 of this table" in said
    assert "index=False" in said


def test_a_table_of_thousands_of_rows(tmp_path):
    rows = [{"case_id": f"{n:05d}", "label": "xy"[n % 2]} for n in range(20_000)]
    tables.write_rows(tmp_path / "t.csv", rows)
    assert tables.read_rows(tmp_path / "t.csv") == rows


def test_another_encoding_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes("case_id,label\na,Ödem\n".encode("cp1252"))
    with pytest.raises(DatasetError, match=r"not UTF-8[\s\S]*line 2[\s\S]*a,Ödem[\s\S]*CSV UTF-8"):
        tables.read_rows(tmp_path / "t.csv")
