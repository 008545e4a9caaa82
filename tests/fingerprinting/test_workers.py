"""How many workers, and what a case's error says."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ricenet_v2.core.errors import DatasetError, GeometryError, KilledError
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.fingerprinting.memory import bytes_of_case
from ricenet_v2.fingerprinting.workers import (
    PROCESS_BYTES,
    WORTH_PROCESSES,
    _cgroup,
    allowed_workers,
    available_memory,
    map_cases,
)

if TYPE_CHECKING:
    from conftest import Planted

GB = 10**9


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


@pytest.mark.parametrize(
    ("wanted", "per_case", "n_cases", "available", "expected"),
    [
        (8, GB, 9, None, 8),
        (8, 2 * GB - PROCESS_BYTES, 9, 10 * GB, 4),
        (8, 50 * GB, 9, 10 * GB, 1),
        (8, WORTH_PROCESSES // 4, 4, 100 * GB, 8),
        (8, WORTH_PROCESSES // 4, 3, 100 * GB, 1),
        (8, 0, 9, None, 1),
        (0, GB, 9, None, 1),
    ],
)
def test_memory_and_work_limit_the_workers(
    wanted: int, per_case: int, n_cases: int, available: int | None, expected: int
) -> None:
    assert allowed_workers(wanted, per_case, n_cases, available) == expected


def test_lowering_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        allowed_workers(4, 50 * 2**30 - PROCESS_BYTES, 9, 10 * 2**30)
    assert "1 instead of 4 processes: each may need 50 GiB and 10 GiB are free" in caplog.text


def test_memory_of_this_machine_is_plausible() -> None:
    available = available_memory()
    assert available is None or 10**7 < available < 10**14


def test_the_limit_of_a_container(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert _cgroup(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert _cgroup(tmp_path) is None


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
    made = map_cases(_survive, cohort, 2, "Testing", lambda task, reason: reason)
    assert "killed twice" in made[2]
    assert [made[n] for n in (0, 1, 3)] == ["C00", "C01", "C03"]


def test_memory_of_a_case_is_that_of_the_largest_readable_image(planted: Planted) -> None:
    planted.path("case0", 0).unlink()
    planted.path("case0", 1).write_text("no image")
    raw = planted.load()
    assert bytes_of_case(raw, raw.cases, copies=3) == 480 * 4 * 3
    assert bytes_of_case(raw, raw.cases[:1], copies=3) == 0
