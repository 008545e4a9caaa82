import pickle

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.cases import read_array
from ricenet_v2.training import reader as module
from ricenet_v2.training.reader import CaseReader, cache_budget, n_fitting
from ricenet_v2.training.shared_memory import SharedArrays

SHAPE = (2, 6, 5, 4)
CASE_BYTES = 2 * 6 * 5 * 4 * 4


@pytest.fixture
def folder(tmp_path, make_plan, write_cases):
    plan = make_plan(kinds=("mri", "mri", "dose"), shape=SHAPE[1:])
    write_cases(tmp_path, plan, 4)
    return tmp_path


def _expected(folder, case):
    return read_array(folder, case)[[2, 0]]


@pytest.mark.parametrize("budget", [0, CASE_BYTES, 3 * CASE_BYTES, 100 * CASE_BYTES])
def test_cases_are_the_same_for_any_budget(folder, budget):
    cases = [f"case{n:02d}" for n in range(4)]
    reader = CaseReader(folder, [2, 0], budget, cases)
    for case in cases * 2:
        np.testing.assert_array_equal(reader(case), _expected(folder, case))


def test_exactly_the_first_cases_that_fit_are_read_once(folder, monkeypatch):
    cases, read = ["case02", "case00", "case01"], []

    def counting(where, case, state):
        read.append(case)
        return read_array(where, case, state)

    reader = CaseReader(folder, [2, 0], 2 * CASE_BYTES + 7, cases)
    monkeypatch.setattr(module, "read_array", counting)
    for _ in range(3):
        for case in (*cases, "case03"):
            reader(case)
    assert {case: read.count(case) for case in (*cases, "case03")} == {
        "case02": 1,
        "case00": 1,
        "case01": 3,
        "case03": 3,
    }


@pytest.mark.parametrize(
    ("budget", "expected"),
    [(-1, 0), (0, 0), (CASE_BYTES - 1, 0), (CASE_BYTES, 1), (10 * CASE_BYTES + 5, 10)],
)
def test_as_many_cases_as_the_budget_holds(budget, expected):
    assert n_fitting(SHAPE, budget) == expected


def test_the_budget_is_what_the_user_says_or_a_share_of_free_memory(monkeypatch):
    assert cache_budget(0.5) == 2**29
    assert cache_budget(0) == 0
    for free, expected in ((2**40, 4 * 2**30), (2**30, 2**29), (None, 4 * 2**30)):
        monkeypatch.setattr(module, "available_memory", lambda found=free: found)
        assert cache_budget() == expected


def test_a_missing_case_is_named(folder):
    reader = CaseReader(folder, [0], 10**6, ["case00"])
    with pytest.raises(DatasetError, match="case77"):
        reader("case77")
    with pytest.raises(DatasetError, match="case88"):
        CaseReader(folder, [0], 10**6, ["case88"])


def test_a_pickled_reader_has_the_same_memory(folder):
    """As in a worker that is spawned and not forked."""
    cases = ["case00", "case01"]
    reader = CaseReader(folder, [2, 0], 10**6, cases)
    other = pickle.loads(pickle.dumps(reader))
    expected = _expected(folder, "case01")
    np.testing.assert_array_equal(other("case01"), expected)
    (folder / "case01.b2nd").unlink()
    np.testing.assert_array_equal(reader("case01"), expected)


def test_memory_that_cannot_be_opened_stays_empty():
    arrays = SharedArrays(1, SHAPE)
    state = arrays.__getstate__() | {"path": "/there/is/no/such/block"}
    other = SharedArrays.__new__(SharedArrays)
    other.__setstate__(state)
    other.put(0, np.ones(SHAPE, np.float32))
    assert other.get(0) is None
    arrays.put(0, np.ones(SHAPE, np.float32))
    np.testing.assert_array_equal(arrays.get(0), np.ones(SHAPE))
