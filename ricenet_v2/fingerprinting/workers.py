"""Working on cases in several processes, as many as memory allows."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.progress import track

logger = logging.getLogger(__name__)

BYTES_PER_VOXEL = 4
PROCESS_BYTES = 300 * 1024**2
"""What a Python process with numpy, scipy and SimpleITK takes before any image."""
WORTH_PROCESSES = 128 * 1024**2
"""Bytes of all cases together from which processes are worth their start: below, the work of this
one is done in a second or two, and that is what several take to import their libraries."""
_SHARE_OF_MEMORY = 0.8
_GIB = 1024**3

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_memory() -> int | None:
    """Bytes that can be used now (machine and cgroup limits), or None where it cannot be told."""
    found = [memory for memory in (_machine(), _cgroup()) if memory is not None]
    return min(found) if found else None


def allowed_workers(wanted: int, bytes_per_case: int, n_cases: int, available: int | None) -> int:
    """The wanted number of workers, lowered until the estimate of memory fits; at least 1.

    Where all cases together are small, it is 1, since processes would take longer to start.

    Args:
        wanted: What the user asked for.
        bytes_per_case: Largest memory that one case needs.
        n_cases: Cases to work on.
        available: Bytes that can be used; None lowers nothing.
    """
    wanted = max(1, wanted if bytes_per_case * n_cases >= WORTH_PROCESSES else 1)
    if available is None:
        return wanted
    each = bytes_per_case + PROCESS_BYTES
    fitting = max(1, int(_SHARE_OF_MEMORY * available) // each)
    if fitting < wanted:
        logger.warning(
            "Working with %d instead of %d processes: "
            "each may need %.3g GiB and %.3g GiB are free.",
            fitting,
            wanted,
            each / _GIB,
            available / _GIB,
        )
    return min(wanted, fitting)


def map_cases(
    function: Callable[[Item], Result],
    items: Sequence[tuple[str, Item]],
    num_workers: int,
    description: str,
) -> list[Result]:
    """Apply a function to every case; results come in the order of the cases.

    Processes are spawned, never forked: threads of imported libraries do not survive a fork.

    Args:
        function: Of a module, so that it can be sent to a process.
        items: Case id and argument of each case.
        num_workers: Processes; 1 works in this one.
        description: For the progress bar.

    Raises:
        RicenetError: The first error of a case in the order of `items`, with its case id; all
            other cases are finished before.
    """
    count = min(num_workers, len(items))
    if count <= 1:
        return [
            _guarded(function, case_id, item)
            for case_id, item in track(items, description, total=len(items))
        ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=count, mp_context=context) as pool:
        futures = [pool.submit(_guarded, function, case_id, item) for case_id, item in items]
        for _ in track(_completed(futures), description, total=len(futures)):
            pass
        return [
            _result(future, case_id) for future, (case_id, _) in zip(futures, items, strict=True)
        ]


def _completed(futures: list[Future[Result]]) -> Iterator[None]:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for _ in done:
            yield None


def _result(future: Future[Result], case_id: str) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise DatasetError(
            "A worker process ended without an answer, probably for lack of memory.",
            case=case_id,
            remedy="Use fewer workers (--num_workers 1).",
        ) from error


def _guarded(function: Callable[[Item], Result], case_id: str, item: Item) -> Result:
    """Run in the worker: whatever goes wrong carries the case id."""
    try:
        return function(item)
    except RicenetError as error:
        if error.case is not None:
            raise
        raise type(error)(
            error.what,
            case=case_id,
            file=error.file,
            expected=error.expected,
            got=error.got,
            remedy=error.remedy,
        ) from error
    except Exception as error:
        raise DatasetError(
            "This case could not be worked on.",
            case=case_id,
            got=f"{type(error).__name__}: {error}",
        ) from error


def _machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return None


def _cgroup(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    with suppress(OSError, ValueError):
        limit = int((folder / "memory.max").read_text(encoding="ascii"))
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        return max(0, limit - used)
    return None
