"""A function applied to every case of a dataset, in several processes.

Errors carry the case, and one bad case leaves the others to be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ricenet_v2.core.deadline import Limited
from ricenet_v2.core.errors import DatasetError, KilledError, LateError, RicenetError
from ricenet_v2.core.pool import Never, PoolTask, results
from ricenet_v2.core.processes import Processes, SerialExecutor
from ricenet_v2.core.progress import track
from ricenet_v2.core.worker import may_start_processes

KILLED_REMEDY = (
    "Free memory or use fewer workers (--num_workers 1), and run the same command again. If it is "
    "killed even so, look at the images of the case."
)
"""Remedy if the process of a case was killed."""

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
    late: Callable[[Work, LateError], Result] | None = None,
    *,
    apart: bool = False,
    seconds: float | None = None,
) -> list[Result]:
    """Apply a function to every case; results come in the order of the cases.

    A case whose process was killed is tried once more alone, behind all others.

    Args:
        function: Function of a module, so that it can be sent to a process, or a `partial` of one
            with what all cases share, which each process gets once.
        tasks: One for each case.
        num_workers: Processes; 1 works in this one.
        description: Description for the progress bar.
        killed: Makes the result of a case whose process was killed both times, from the reason.
        late: Makes the result of a case that took too long.
        apart: Whether to work in another process even where one is enough, since what is read may
            crash a library. The worker of another pool, which may start none, works in itself.
        seconds: Time limit in seconds for a case. Its process is killed then, whatever it waits
            for; where this process works, the case is left to a thread (`deadline.within`).

    Raises:
        RicenetError: The first error of a case in the order of `tasks`, with its case id; all
            other cases are finished before.
        KilledError: The process of some cases was killed both times, and there is no `killed`; all
            other cases are finished before.
    """
    count = min(num_workers, len(tasks))
    in_processes = (count > 1 or apart) and may_start_processes()
    work = partial(_guarded, Limited(None if in_processes else seconds, function))
    lost: dict[str, str] = {}

    def fault_of(task: Work, reason: str) -> Result | _Fault:
        if killed is not None:
            return killed(task, reason)
        lost[task.name] = reason
        return _Fault(_killed_error(lost))

    def late_of(task: Work, error: LateError) -> Result | _Fault:
        return _Fault(error.with_parts(case=task.name)) if late is None else late(task, error)

    def executor() -> Executor:
        return Processes(count, work, seconds) if in_processes else SerialExecutor()

    coming = results(executor, work, tasks, fault_of, Never(), late_of)
    by_place = dict(track(coming, description, total=len(tasks)))
    ordered = [by_place[place] for place in range(len(tasks))]
    faults = [result.error for result in ordered if isinstance(result, _Fault)]
    if faults:
        # What is wrong with a case comes first: it is there again when the command is repeated.
        others = [error for error in faults if not isinstance(error, KilledError)]
        raise others[0] if others else _killed_error(lost)
    return [result for result in ordered if not isinstance(result, _Fault)]


def _killed_error(lost: dict[str, str]) -> KilledError:
    return KilledError(
        f"{len(lost)} case(s) could not be processed; all others are done.",
        case=", ".join(lost),
        got=next(iter(lost.values())),
        remedy=KILLED_REMEDY,
    )


def _guarded(function: Callable[[Work], Result], task: Work) -> Result | _Fault:
    """Run in the worker: whatever goes wrong carries the case id."""
    try:
        return function(task)
    except LateError:
        raise
    except RicenetError as error:
        return _Fault(error if error.case is not None else error.with_parts(case=task.name))
    except Exception as error:  # noqa: BLE001 - the other cases are still worked on
        return _Fault(
            DatasetError(
                "This case could not be processed.",
                case=task.name,
                got=f"{type(error).__name__}: {error}",
            )
        )
