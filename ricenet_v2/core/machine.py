"""The machine that a program runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

GIB = 1024**3
"""Bytes of a GiB."""
_LINUX = Path("/proc/cpuinfo")


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Name of the processor, as far as the system gives it."""
    if _LINUX.is_file():
        for line in _LINUX.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
