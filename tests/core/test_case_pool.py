"""Results of cases from several processes, and what a case's error says."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ricenet_v2.core.case_pool import map_cases
from ricenet_v2.core.errors import DatasetError, GeometryError, KilledError, LateError
from ricenet_v2.core.pool import PoolTask
from tests.hostile_case import until_none_is_left_behind


@dataclass(frozen=True)
class _Number(PoolTask):
    case: str
    number: int

    @property
    def name(self) -> str:
        return self.case


def _twice(task: _Number) -> int:
    number = task.number
    if number == 3:
        raise GeometryError("Three is not allowed.", got=number)
    if number == 5:
        raise ZeroDivisionError("five")
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_the_order_of_the_cases(workers: int) -> None:
    items = [_Number(str(number), number) for number in (9, 1, 7)]
    assert map_cases(_twice, items, workers, "Testing") == [18, 2, 14]


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_carry_the_case(workers: int) -> None:
    with pytest.raises(GeometryError, match="Three is not allowed") as caught:
        map_cases(_twice, [_Number("a", 1), _Number("b", 3)], workers, "Testing")
    assert (caught.value.case, caught.value.got) == ("b", 3)
    with pytest.raises(DatasetError, match="ZeroDivisionError: five") as caught_other:
        map_cases(_twice, [_Number("a", 1), _Number("c", 5)], workers, "Testing")
    assert caught_other.value.case == "c"


def _process_of(task: _Number) -> int:
    return os.getpid()


@pytest.mark.parametrize("apart", [True, False])
def test_one_worker_is_another_process_where_it_has_to_be(apart: bool) -> None:
    tasks = [_Number("a", 1), _Number("b", 2)]
    numbers = set(map_cases(_process_of, tasks, 1, "Testing", apart=apart))
    assert len(numbers) == 1
    assert (os.getpid() in numbers) != apart


@dataclass(frozen=True)
class _Hostile(PoolTask):
    """Kills the process that works on it: once, always or never."""

    case: str
    when: str
    folder: Path

    @property
    def name(self) -> str:
        return self.case


def _survive(task: _Hostile) -> str:
    (task.folder / f"{task.name}.{os.getpid()}").touch()
    times = len(list(task.folder.glob(f"{task.name}.*")))
    if task.when == "always" or (task.when == "once" and times == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return task.name


def _cohort(folder: Path, **hostile: str) -> list[_Hostile]:
    names = [f"C{n:02d}" for n in range(12)]
    return [_Hostile(name, hostile.get(name, "never"), folder) for name in names]


def test_a_killed_worker_costs_no_other_case_and_its_own_only_if_killed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cohort = _cohort(tmp_path, C02="once")
    assert map_cases(_survive, cohort, 2, "Testing") == [task.name for task in cohort]
    # No other case was begun twice.
    assert len(list(tmp_path.iterdir())) == 13
    assert "tried alone (1)" in caplog.text


def test_a_case_that_kills_twice_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    cohort = _cohort(tmp_path, C02="always", C07="always")
    with pytest.raises(KilledError, match="2 case\\(s\\)") as caught:
        map_cases(_survive, cohort, 2, "Testing")
    assert caught.value.case == "C02, C07"
    assert "killed by SIGKILL" in str(caught.value.got)
    assert "--num_workers 1" in str(caught.value.remedy)
    assert len(list(tmp_path.iterdir())) == 14
    results = map_cases(_survive, cohort, 2, "Testing", lambda task, reason: reason)
    assert "killed twice" in results[2]
    assert [results[n] for n in (0, 1, 3)] == ["C00", "C01", "C03"]


def _sleep(task: _Number) -> int:
    time.sleep(task.number)
    return os.getpid()


@pytest.mark.parametrize(("workers", "apart"), [(1, False), (1, True), (2, False)])
def test_a_case_that_takes_too_long_is_given_up_and_the_others_are_done(
    workers: int, apart: bool
) -> None:
    tasks = [_Number("A", 0), _Number("B", 3), _Number("C", 0)]
    results = map_cases(
        _sleep, tasks, workers, "Testing", late=lambda _, late: late.what, apart=apart, seconds=0.5
    )
    assert results[1] == "This took longer than 0.5 s and was stopped."
    assert (os.getpid() in results) == (workers == 1 and not apart)
    assert all(isinstance(results[n], int) for n in (0, 2))
    until_none_is_left_behind()


def test_a_case_that_takes_too_long_is_an_error_where_nothing_is_made_of_it() -> None:
    tasks = [_Number("A", 0), _Number("B", 3)]
    with pytest.raises(LateError, match="took longer") as caught:
        map_cases(_sleep, tasks, 1, "Testing", seconds=0.2)
    assert caught.value.case == "B"
    until_none_is_left_behind()
