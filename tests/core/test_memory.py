"""How many workers fit into the memory that is free."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ricenet_v2.core.memory import (
    PROCESS_BYTES,
    WORTH_PROCESSES,
    _cgroup,
    allowed_workers,
    available_memory,
)

GB = 10**9


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
