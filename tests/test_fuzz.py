"""Whatever a file holds, its reader gives a value or a RicenetError, and nothing else.

Longer than here: `python -m benchmarks.fuzz --seconds 60`.
"""

import logging
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from benchmarks.readers import packed, readers, unpacked
from benchmarks.small_documents import CASE
from ricenet_v2.core.errors import RicenetError

READERS = {reader.name: reader for reader in readers()}
BEING_NESTED = b"[" * 100_000 + b"]" * 100_000
# What ended in another error once, by the file it was in.
ONCE_FOREIGN = {
    "dataset.json of nnU-Net": [
        b'{"channel_names": ["CT", "PET"]}',
        b'{"channel_names": "CT"}',
        b'{"channel_names": null}',
        b'{"channel_names": {"0": 1}}',
        b'{"channel_names": {"0": null}}',
        b'{"channel_names": {"first": "CT"}}',
        b'{"channel_names": {"0": "CT", "2": "PET"}}',
        b'{"channel_names": 1e999}',
        b'{"channel_names": {}}',
    ],
    "dataset.json": [BEING_NESTED, b'{"name": ' + b"9" * 5000 + b"}"],
    "plan": [BEING_NESTED, b'{"document": "ricenet_plan", "schema": ' + b"9" * 5000 + b"}"],
    "fingerprint": [
        b'{"seal": "", "document": "dataset_fingerprint", "schema": 1, "n_cases": 1e999}',
        b'{"seal": "", "dataset": "\\ud800"}',
        b'{"seal": "", "\\ud800": 1}',
        b'{"seal": "", "cases": [[NaN]]}',
    ],
    "case json": [BEING_NESTED, b'{"seal": "", "document": "x", "dose_maximum": {"a": NaN}}'],
    "run.json": [b'{"document": "run", "schema": 1, "fold": ' + b"9" * 5000 + b"}"],
    "splits": [BEING_NESTED],
    "predictions.json": [BEING_NESTED],
    "validation.csv": [b"case_id,label,prob_x,prob_y\nP1," + b"x" * 140_000 + b",1,0\n"],
    "truth table": [b"case_id,label\nP0001," + b"x" * 140_000 + b"\n"],
    "predictions.csv": [
        b"case_id,label,predicted,prob_a,prob_b\nP0001,a,a,1,0\nP0002,b,b,0,1\n",  # other classes
    ],
    "history.csv": [b"epoch\n0\n", b"epoch,train_loss\nx,y\n", b"loss\n1\n"],
    "manifest.csv": [b"patient;" + b"x" * 140_000 + b"\n1;2\n"],
    "checkpoint": [b"", b"PK", b"\x80\x02}q\x00."],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", READERS)
def test_the_valid_file_is_read(name, tmp_path):
    reader = READERS[name]
    reader.read(reader.put(tmp_path, reader.valid))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_a_changed_file_ends_in_nothing_but_our_errors(name, seed):
    reader = READERS[name]
    content = fuzz.mutated(reader, random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        error = fuzz.foreign(reader, Path(folder), content)
    if error is not None:
        raise error


@pytest.mark.parametrize(
    ("name", "content"),
    [(name, content) for name, contents in ONCE_FOREIGN.items() for content in contents],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_once_ended_in_another_error_is_named(name, content, tmp_path):
    reader = READERS[name]
    path = reader.put(tmp_path, content)
    with pytest.raises(RicenetError) as caught:
        reader.read(path)
    assert path.name in str(caught.value)


def test_a_preprocessed_case_of_another_shape_is_named(tmp_path):
    reader, record = READERS["b2nd"], READERS["b2nd"].beside[f"{CASE}.json"]
    path = reader.put(tmp_path, reader.valid)
    other = record.replace(b'"shape": [\n    1,\n    4', b'"shape": [\n    1,\n    5')
    assert other != record
    (tmp_path / f"{CASE}.json").write_bytes(other)
    with pytest.raises(RicenetError, match=r"\(1, 5, 4, 4\)") as caught:
        reader.read(path)
    assert CASE in str(caught.value)


def test_an_image_of_complex_numbers_is_named(tmp_path):
    reader = READERS["image .nii"]
    header = bytearray(unpacked(reader))
    header[70:74] = (32).to_bytes(2, "little") + (64).to_bytes(2, "little")  # complex64
    content = packed(reader, bytes(header) + bytes(64 * 4))
    with pytest.raises(RicenetError, match="complex") as caught:
        reader.read(reader.put(tmp_path, content))
    assert reader.file in str(caught.value)


def test_the_fuzzer_finds_a_reader_that_lets_others_errors_out(tmp_path, capsys):
    def careless(path: Path) -> object:
        return path.read_bytes().decode("ascii")

    reader = fuzz.Reader("careless", "a.txt", b"abc" * 10, careless)
    n_read, n_foreign = fuzz.fuzz(reader, 0.5, 0, tmp_path / "kept")
    assert 0 < n_foreign < n_read
    assert "UnicodeDecodeError" in capsys.readouterr().out
    assert any((tmp_path / "kept").iterdir())
