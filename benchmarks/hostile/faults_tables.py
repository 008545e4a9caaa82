"""Faults of cases.csv: single cells, rows, columns, and the whole file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.hostile.faults import Fault, Place, table

_ID, _PATIENT, _LABEL, _SPLIT, _PRESCRIPTION = 0, 1, 2, 3, 6
Rows = list[list[str]]


def _cell(column: int, value: str) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        def change(rows: Rows) -> None:
            rows[place.row + 1][column] = value

        table(place.table, change)

    return spoil


def _named(column: str, value: str) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        def change(rows: Rows) -> None:
            rows[place.row + 1][rows[0].index(column)] = value

        table(place.table, change)

    return spoil


def _rows(change: Callable[[Rows, int], object]) -> Callable[[Place], None]:
    return lambda place: table(place.table, lambda rows: change(rows, place.row + 1))


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    return lambda place: _rewrite(place.table, change)


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _column(name: str, value: str) -> Callable[[Place], None]:
    """All cells of a column."""

    def spoil(place: Place) -> None:
        def change(rows: Rows) -> None:
            at = rows[0].index(name)
            for row in rows[1:]:
                row[at] = value

        table(place.table, change)

    return spoil


def _folder(place: Place) -> None:
    place.table.unlink()
    place.table.mkdir()


def _second_label(rows: Rows, _: int) -> None:
    for number, row in enumerate(rows):
        row.append("label" if number == 0 else "no")


def _without(name: str) -> Callable[[Place], None]:
    def change(rows: Rows, _: int) -> None:
        at = rows[0].index(name)
        for row in rows:
            del row[at]

    return _rows(change)


def _moved(rows: Rows, _: int) -> None:
    for row in rows:
        row.append(row.pop(1))


def _other_side(rows: Rows, at: int) -> None:
    """The patient of this row is one of the other split too."""
    other = next(row for row in rows[1:] if row[_SPLIT] != rows[at][_SPLIT])
    rows[at][_PATIENT] = other[_PATIENT]


_ROW = ("{case}|row",)
_NAME = ("case_id|case id|name|row|id",)

CELLS = (
    Fault("an unknown label", _named("label", "maybe"), ("{case}", "label", "maybe")),
    Fault("a label in other letters", _named("label", "YES"), ("{case}", "label", "YES")),
    Fault("a formula as label", _named("label", "=1+1"), ("{case}", "label")),
    Fault("a number as label", _named("label", "1"), ("{case}", "label")),
    Fault("an unknown split", _named("split", "val"), ("{case}", "split", "val")),
    Fault("no split", _named("split", ""), ("{case}", "split")),
    Fault("a split in other letters", _named("split", "TRAIN"), (), "told"),
    Fault("no case id", _named("case_id", ""), ("case_id", "empty|row")),
    Fault("a case id that leads out", _named("case_id", "../../x"), ("case_id|case id", "path")),
    Fault("a case id with a slash", _named("case_id", "a/b"), ("case_id|case id", "path")),
    Fault("a case id with a drive", _named("case_id", "C:\\x"), ("case_id|case id", "path")),
    Fault("a hidden case id", _named("case_id", ".hidden"), ("case_id|case id", "dot")),
    Fault("a long case id", _named("case_id", "x" * 300), ("case_id|case id", "bytes")),
    Fault("a line end in a case id", _named("case_id", "a\nb"), ("case_id|case id", "character")),
    Fault("a case id of another case", _named("case_id", "C03"), ("C03", "duplicate|rows")),
    Fault("a case without images", _named("case_id", "D77"), ("D77", "missing|no file")),
    Fault("a case id with a star", _named("case_id", "a*b"), ("case id", r"\*")),
    Fault("a patient on both sides", _rows(_other_side), ("patient", "train", "test")),
    Fault("a row cut short", _rows(lambda r, n: r[n].pop()), ("row|line", "cells|header")),
    Fault("a row too long", _rows(lambda r, n: r[n].append("x")), ("row|line", "cells|header")),
    Fault("a row twice", _rows(lambda r, n: r.append(list(r[n]))), ("{case}", "duplicate|rows")),
    Fault("a cell of 200,000 letters", _named("age", "x" * 200_000), ("line|row", "cell")),
    Fault(
        "a prescription in words", _named("prescription_gy", "sixty"),
        ("{case}", "prescription_gy", "sixty"), "warned",
    ),
    Fault(
        "fractions below 0", _named("fractions", "-3"), ("{case}", "fractions", "-3"), "warned"
    ),
    Fault("an empty covariate", _named("age", ""), (), "sound"),
    Fault("a formula as covariate", _named("age", "=1+1"), (), "sound"),
    Fault("blanks around a label", _rows(lambda r, n: r[n].__setitem__(
        _LABEL, f"  {r[n][_LABEL]} ")), (), "sound"),
)  # fmt: skip
"""Put into a row each."""

NO_LABEL = (
    Fault("no label of a training case", _named("label", ""), ("{case}", "label")),
    Fault("no label of a test case", _named("label", ""), ("{case}", "label"), "warned"),
)

WHOLE = (
    Fault("no cases.csv", lambda p: p.table.unlink(), (r"cases\.csv", "no such")),
    Fault("an empty cases.csv", _bytes(lambda _: b""), (r"cases\.csv", "empty")),
    Fault("a header alone", _rows(lambda r, _: r.__delitem__(slice(1, None))),
          (r"cases\.csv", "rows|cases")),
    Fault("cases.csv is a folder", _folder, (r"cases\.csv",)),
    Fault("semicolons", _bytes(lambda b: b.replace(b",", b";")), (r"cases\.csv", "semicolon|comma"),
          unsaid="add: case_id"),
    Fault("tabs", _bytes(lambda b: b.replace(b",", b"\t")), (r"cases\.csv", "tab|comma")),
    Fault("UTF-16", _bytes(lambda b: b.decode().encode("utf-16")), (r"cases\.csv", "UTF-8")),
    Fault("Latin-1", _bytes(lambda b: b.replace(b"yes", "j\xe4".encode("latin-1"))),
          (r"cases\.csv", "UTF-8")),
    Fault("zero bytes", _bytes(lambda b: b + bytes(50)), (r"cases\.csv|NUL|cells|row",)),
    Fault("a spreadsheet", _bytes(lambda _: b"PK\x03\x04\x14\0\x06\0\xff\xfe"), (r"cases\.csv",)),
    Fault("a quote that is not closed", _bytes(lambda b: b.replace(b"C04,", b'"C04,')),
          (r"cases\.csv", "row|line|quote")),
    Fault("no column label", _without("label"), (r"cases\.csv", "label")),
    Fault("no column case_id", _without("case_id"), (r"cases\.csv", "case_id")),
    Fault("no column split", _without("split"), (r"cases\.csv", "split")),
    Fault("two columns label", _rows(_second_label), (r"cases\.csv", "label", "twice|two|column")),
    Fault("patient NA for all", _column("patient_id", "NA"), ("patient", "NA")),
    Fault("patient n/a for all", _column("patient_id", "n/a"), ("patient", "n/a")),
    Fault("no training cases", _column("split", "test"), ("no training cases|training",)),
    Fault("one class", _column("label", "yes"), ("class", "no training case|training case")),
    Fault("a byte order mark", _bytes(lambda b: b"\xef\xbb\xbf" + b), (), "sound"),
    Fault("Windows line ends", _bytes(lambda b: b.replace(b"\n", b"\r\n")), (), "sound"),
    Fault("old Macintosh line ends", _bytes(lambda b: b.replace(b"\n", b"\r")), (), "sound"),
    Fault("empty lines", _bytes(lambda b: b.replace(b"\n", b"\n\n")), (), "sound"),
    Fault("another order of columns", _rows(_moved), (), "sound"),
    Fault("another order of rows", _rows(lambda r, _: r.insert(1, r.pop())), (), "sound"),
)  # fmt: skip
"""Put into the file once."""
