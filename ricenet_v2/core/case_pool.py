"""A function applied to every case of a dataset, in several processes.

Errors carry the case, and one bad case leaves the others to be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ricenet_v2.core.errors import DatasetError, KilledError, RicenetError
from ricenet_v2.core.pool import Never, PoolTask, results
from ricenet_v2.core.processes import Processes, SerialExecutor
from ricenet_v2.core.progress import track
from ricenet_v2.core.worker import may_start_processes

KILLED_REMEDY = (
    "Free memory or use fewer workers (--num_workers 1), and run the same command again. If it is "
    "killed even so, look at the images of the case."
)
"""What a user can do where the process of a case was killed."""

Work = TypeVar("Work", bound=PoolTask)
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Fault:
    """Why there is no result of a case."""

    error: RicenetError


def map_cases(
    function: Callable[[Work], Result],
    tasks: Sequence[Work],
    num_workers: int,
    description: str,
    killed: Callable[[Work, str], Result] | None = None,
    *,
    apart: bool = False,
) -> list[Result]:
    """Apply a function to every case; results come in the order of the cases.

    A case whose process was killed is tried once more alone, behind all others.

    Args:
        function: Of a module, so that it can be sent to a process, or a `partial` of one with what
            all cases share: each process gets it once.
        tasks: One for each case.
        num_workers: Processes; 1 works in this one.
        description: For the progress bar.
        killed: Makes the result of a case whose process was killed both times, from the reason.
        apart: Whether to work in another process even where one is enough, since what is read may
            crash a library. The worker of another pool, which may start none, works in itself.

    Raises:
        RicenetError: The first error of a case in the order of `tasks`, with its case id; all
            other cases are finished before.
        KilledError: The process of some cases was killed both times, and there is no `killed`; all
            other cases are finished before.
    """
    work = partial(_guarded, function)
    lost: dict[str, str] = {}

    def fault_of(task: Work, reason: str) -> Result | _Fault:
        if killed is not None:
            return killed(task, reason)
        lost[task.name] = reason
        return _Fault(_killed_error(lost))

    coming = results(
        partial(_executor, work, min(num_workers, len(tasks)), apart=apart),
        work,
        tasks,
        fault_of,
        Never(),
    )
    by_place = dict(track(coming, description, total=len(tasks)))
    ordered = [by_place[place] for place in range(len(tasks))]
    faults = [result.error for result in ordered if isinstance(result, _Fault)]
    if faults:
        # What is wrong with a case comes first: it is there again when the command is repeated.
        others = [error for error in faults if not isinstance(error, KilledError)]
        raise others[0] if others else _killed_error(lost)
    return [result for result in ordered if not isinstance(result, _Fault)]


def _executor(work: Callable[..., object], count: int, *, apart: bool) -> Executor:
    is_needed = count > 1 or apart
    return Processes(count, work) if is_needed and may_start_processes() else SerialExecutor()


def _killed_error(lost: dict[str, str]) -> KilledError:
    return KilledError(
        f"{len(lost)} case(s) could not be worked on; all others are done.",
        case=", ".join(lost),
        got=next(iter(lost.values())),
        remedy=KILLED_REMEDY,
    )


def _guarded(function: Callable[[Work], Result], task: Work) -> Result | _Fault:
    """Run in the worker: whatever goes wrong carries the case id."""
    try:
        return function(task)
    except RicenetError as error:
        return _Fault(error if error.case is not None else error.with_parts(case=task.name))
    except Exception as error:  # noqa: BLE001 - the other cases are still worked on
        return _Fault(
            DatasetError(
                "This case could not be worked on.",
                case=task.name,
                got=f"{type(error).__name__}: {error}",
            )
        )
