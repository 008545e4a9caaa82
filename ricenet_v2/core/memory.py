"""Free memory, and the number of processes that fit into it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from ricenet_v2.core.machine import GIB

logger = logging.getLogger(__name__)

BYTES_PER_VOXEL = 4
"""Bytes per voxel of an image in float32."""
PROCESS_BYTES = 300 * 1024**2
"""Memory of a Python process with numpy, scipy and SimpleITK before any image."""
WORTH_PROCESSES = 128 * 1024**2
"""Bytes of all cases together from which processes are worth their start: below, the work of this
one is done in a second or two, and that is what several take to import their libraries."""
_SHARE_OF_MEMORY = 0.8


def available_memory() -> int | None:
    """Bytes that can be used now (machine and cgroup limits), or None where it is not known."""
    limits = [memory for memory in (_machine(), _cgroup()) if memory is not None]
    return min(limits) if limits else None


def allowed_workers(
    requested: int, bytes_per_case: int, n_cases: int, available: int | None
) -> int:
    """The wanted number of workers, lowered until the estimate of memory fits; at least 1.

    Where all cases together are small, it is 1, since processes would take longer to start.

    Args:
        requested: Number that the user requested.
        bytes_per_case: Largest memory that one case needs.
        n_cases: Cases to work on.
        available: Bytes that can be used; None lowers nothing.
    """
    requested = max(1, requested if bytes_per_case * n_cases >= WORTH_PROCESSES else 1)
    if available is None:
        return requested
    each = bytes_per_case + PROCESS_BYTES
    fitting = max(1, int(_SHARE_OF_MEMORY * available) // each)
    if fitting < requested:
        logger.warning(
            "Working with %d instead of %d processes: "
            "each may need %.3g GiB and %.3g GiB are free.",
            fitting,
            requested,
            each / GIB,
            available / GIB,
        )
    return min(requested, fitting)


def _machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        if sys.platform != "win32":
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return None


def _cgroup(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    with suppress(OSError, ValueError):
        limit = int((folder / "memory.max").read_text(encoding="ascii"))
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        return max(0, limit - used)
    return None
