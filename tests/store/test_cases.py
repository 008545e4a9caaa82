"""Preprocessed cases are whole or not there, and the same bytes every time."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.store import cases

ONE = (1.0, 1.0, 1.0)
EYE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
RECORD = PreprocessedCase(
    "c", (3, 9, 8, 7), (9, 8, 7), ONE, ONE, EYE, (0, 0, 0), (9, 8, 7), "r", {}, (), "h"
)
ARRAY = np.random.default_rng(0).normal(size=RECORD.shape).astype(np.float32)


def test_channels_may_come_one_by_one(tmp_path):
    cases.write_case(tmp_path / "a", ARRAY, RECORD)
    cases.write_case(tmp_path / "b", (channel for channel in ARRAY), RECORD)
    np.testing.assert_array_equal(cases.read_array(tmp_path / "b", "c"), ARRAY)
    assert (tmp_path / "a" / "c.b2nd").read_bytes() == (tmp_path / "b" / "c.b2nd").read_bytes()


def test_the_last_of_many_cases_takes_no_longer_than_the_first(tmp_path, monkeypatch):
    """Measured in files that are looked for."""
    looked, real = [], Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: looked.append(self) or real(self))
    counts = []
    for number in range(9):
        record = dataclasses.replace(RECORD, case_id=f"c{number}")
        cases.write_case(tmp_path, ARRAY, record)
        counts.append(len(looked))
        looked.clear()
    assert counts == counts[:1] * 9


@pytest.mark.parametrize("shape", [(1, 700, 30, 40), (2, 3, 900, 1000), (1, 1, 1, 1)])
def test_long_and_wide_images_come_back(tmp_path, shape):
    array = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    cases.write_case(tmp_path, array, dataclasses.replace(RECORD, shape=shape))
    np.testing.assert_array_equal(cases.read_array(tmp_path, "c"), array)


def test_a_channel_that_cannot_be_made_leaves_no_case(tmp_path):
    def channels():
        yield ARRAY[0]
        raise MemoryError("second channel")

    cases.write_case(tmp_path, ARRAY, RECORD)
    with pytest.raises(MemoryError):
        cases.write_case(tmp_path, channels(), RECORD)
    assert not cases.has_case(tmp_path, "c")
    with pytest.raises(DatasetError, match="not preprocessed"):
        cases.read_array(tmp_path, "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c.b2nd"]


def test_a_record_that_cannot_be_read_is_left_out_of_those_for_pages(tmp_path, caplog):
    for name in ("a", "b", "c"):
        cases.write_case(tmp_path, ARRAY, dataclasses.replace(RECORD, case_id=name))
    (tmp_path / "b.json").write_text("{")
    found = cases.readable_records(tmp_path, ["a", "b", "c", "not there"])
    assert {name: record.case_id for name, record in found.items()} == {"a": "a", "c": "c"}
    assert [line for line in caplog.messages if "case b is left out" in line]


@pytest.mark.parametrize(("plan", "options"), [("auto", ""), ("small", " --preset small")])
def test_a_damaged_record_names_the_command_that_makes_the_case_anew(tmp_path, plan, options):
    folder = tmp_path / "Dataset001_X" / plan
    folder.mkdir(parents=True)
    (folder / "c0.json").write_text("{")
    with pytest.raises(DocumentError) as caught:
        cases.read_record(folder, "c0")
    assert caught.value.case == "c0"
    assert f"Run ricenet_plan_and_preprocess Dataset001_X{options}: it" in caught.value.remedy
