"""Frames are read as plain arrays: nothing in them runs, and what they claim is not believed."""

import dataclasses
import hashlib
import inspect
import os
import tracemalloc
from pathlib import Path

import blosc2
import numpy as np
import pytest
from blosc2.lazyexpr import LazyArrayEnum

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.store import cases
from ricenet_v2.store.frames import read_plain_array

ONE = (1.0, 1.0, 1.0)
EYE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
RECORD = PreprocessedCase(
    "c", (2, 4, 4, 4), (4, 4, 4), ONE, ONE, EYE, (0, 0, 0), (4, 4, 4), "r", {}, (), "h"
)
ARRAY = np.random.default_rng(0).normal(size=RECORD.shape).astype(np.float32)
FUNCTION = """
open({mark!r}, "w").close()
def f(inputs, output, offset):
    output[:] = 1
"""


@pytest.fixture(autouse=True)
def record_without_hash(tmp_path):
    """The JSON of a version without hashes, which lets frames of others come this far."""
    documents.write(tmp_path / "c.json", RECORD)


def opened_with_trust(path: Path) -> None:
    """As `blosc2.open` did by itself before 4.14.1."""
    trusting = "deserialize" in inspect.signature(blosc2.open).parameters
    blosc2.open(str(path), mode="r", **({"deserialize": "full"} if trusting else {}))


def test_a_saved_function_does_not_run(tmp_path):
    mark = tmp_path / "it_ran"
    frame = blosc2.empty(
        RECORD.shape,
        dtype="float32",
        urlpath=str(tmp_path / "c.b2nd"),
        mode="w",
        meta={"LazyArray": LazyArrayEnum.UDF.value},
    )
    frame.schunk.vlmeta["_LazyArray"] = {
        "UDF": FUNCTION.format(mark=str(mark)),
        "operands": {},
        "name": "f",
    }
    with pytest.raises(DatasetError, match=r"more than an array[\s\S]*Delete the file") as told:
        cases.read_array(tmp_path, "c")
    assert told.value.file == tmp_path / "c.b2nd"
    assert told.value.case == "c"
    assert not mark.exists()
    opened_with_trust(tmp_path / "c.b2nd")
    assert mark.exists(), "the file of this test must be able to run code"


def test_a_saved_expression_is_refused(tmp_path):
    operand = blosc2.asarray(ARRAY, urlpath=str(tmp_path / "a.b2nd"), mode="w")
    blosc2.lazyexpr("a + 1", {"a": operand}).save(str(tmp_path / "c.b2nd"))
    with pytest.raises(DatasetError, match=r"c\.b2nd"):
        cases.read_array(tmp_path, "c")


@pytest.mark.parametrize("name", ["proxy-source", "b2o", "LazyArray", "listarray"])
def test_other_metadata_is_refused(tmp_path, name):
    made = {"mode": "w", "urlpath": str(tmp_path / "c.b2nd"), "meta": {name: {"kind": "x"}}}
    blosc2.asarray(ARRAY, **made)
    with pytest.raises(DatasetError, match="nothing else"):
        cases.read_array(tmp_path, "c")


@pytest.mark.parametrize(
    "dtype", ["float64", "int32", "S8", np.dtype([("a", "<f4"), ("b", "<i4")])], ids=str
)
def test_other_numbers_are_refused(tmp_path, dtype):
    blosc2.zeros((4, 4), dtype=dtype, urlpath=str(tmp_path / "c.b2nd"), mode="w")
    with pytest.raises(DatasetError, match="float32 or float16"):
        cases.read_array(tmp_path, "c")


def test_codecs_and_filters_of_plugins_are_refused(tmp_path):
    pipelines = [
        {"codec": blosc2.Codec.NDLZ, "codec_meta": 4, "filters": [blosc2.Filter.NOFILTER]},
        {"filters": [blosc2.Filter.INT_TRUNC], "filters_meta": [4]},
    ]
    for pipeline in pipelines:
        blosc2.empty(
            (64, 64), dtype="float32", urlpath=str(tmp_path / "c.b2nd"), mode="w", cparams=pipeline
        )
        with pytest.raises(DatasetError, match="plugin"):
            cases.read_array(tmp_path, "c")


def test_a_plugin_in_a_single_chunk_is_refused(tmp_path):
    cases.write_case(tmp_path, ARRAY, RECORD)
    frame = bytearray((tmp_path / "c.b2nd").read_bytes())
    first = int.from_bytes(frame[11:15], "big")
    frame[first + 22] = 37
    (tmp_path / "c.b2nd").write_bytes(frame)
    with pytest.raises(DatasetError, match="plugin"):
        cases.read_array(tmp_path, "c")


def test_another_shape_than_that_of_the_json_is_named(tmp_path):
    blosc2.asarray(ARRAY[:, :2], urlpath=str(tmp_path / "c.b2nd"), mode="w")
    with pytest.raises(DatasetError, match=r"\(2, 4, 4, 4\) of its JSON, got \(2, 2, 4, 4\)"):
        cases.read_array(tmp_path, "c")


def test_a_hash_is_compared_once_while_the_file_stays_the_same(tmp_path, monkeypatch):
    cases.write_case(tmp_path, ARRAY, RECORD)
    hashed, sha256 = [], hashlib.sha256
    monkeypatch.setattr("hashlib.sha256", lambda data=b"": hashed.append(len(data)) or sha256(data))
    size = (tmp_path / "c.b2nd").stat().st_size
    for _ in range(3):
        np.testing.assert_array_equal(cases.read_array(tmp_path, "c"), ARRAY)
    assert hashed.count(size) == 1
    os.utime(tmp_path / "c.b2nd", ns=(1, 1))
    cases.read_array(tmp_path, "c")
    assert hashed.count(size) == 2
    cases.read_array(tmp_path, "c", verified=set())
    assert hashed.count(size) == 3


def test_a_change_is_found_where_the_time_was_set_back(tmp_path):
    cases.write_case(tmp_path, ARRAY, RECORD)
    cases.read_array(tmp_path, "c")
    path = tmp_path / "c.b2nd"
    status, changed = path.stat(), bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DatasetError, match="other bytes than were written"):
        cases.read_array(tmp_path, "c")


def test_a_frame_that_claims_too_much_allocates_nothing(tmp_path):
    shape = (1, 800, 800, 800)
    cases.write_case(tmp_path, ARRAY, RECORD)
    blosc2.zeros(shape, dtype="float32", urlpath=str(tmp_path / "c.b2nd"), mode="w")
    documents.write(tmp_path / "c.json", dataclasses.replace(RECORD, shape=shape))
    assert (tmp_path / "c.b2nd").stat().st_size < 2000
    tracemalloc.start()
    with pytest.raises(DatasetError, match="claims 2,048,000,000 bytes"):
        cases.read_array(tmp_path, "c")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_constant_case_is_read(tmp_path):
    shape = (1, 128, 128, 128)
    made = np.zeros(shape, np.float32)
    cases.write_case(tmp_path, made, dataclasses.replace(RECORD, shape=shape))
    np.testing.assert_array_equal(read_plain_array(tmp_path / "c.b2nd", shape), made)


@pytest.mark.parametrize("n", [0, 1, 86, 100, 150, -1])
def test_a_cut_frame_is_named(tmp_path, n):
    cases.write_case(tmp_path, ARRAY, RECORD)
    whole = (tmp_path / "c.b2nd").read_bytes()
    (tmp_path / "c.b2nd").write_bytes(whole[:n])
    with pytest.raises(DatasetError, match="damaged"):
        cases.read_array(tmp_path, "c")
