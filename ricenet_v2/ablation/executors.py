"""Executors of the trainings of an ablation: serial, local processes, or one of the user.

An executor is one of the standard library's `concurrent.futures`, or of the same interface; for
Dask there is `dask_executor`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.processes import Processes, SerialExecutor

SERIAL, PROCESSES = "serial", "processes"


def executor_of(
    name: str, n_processes: int, environments: Sequence[Mapping[str, str]] = ()
) -> Executor:
    """The executor that `--executor` names.

    Args:
        name: `serial`, `processes`, or `module:factory`, where calling the factory without
            arguments gives an executor; a module in the current folder is found.
        n_processes: Local processes at a time.
        environments: Variables of each of them.

    Raises:
        TrainingError: There is no such module or factory, or what it gives is no executor.
    """
    if name == SERIAL:
        return SerialExecutor()
    if name == PROCESSES:
        return Processes(n_processes, environments=environments)
    with _with_modules_of(Path.cwd()):
        executor = _factory(name)()
    if not callable(getattr(executor, "submit", None)) or not callable(
        getattr(executor, "shutdown", None)
    ):
        raise TrainingError(
            "The factory does not return an executor.",
            expected="an object with submit and shutdown, as concurrent.futures.Executor",
            got=f"{type(executor).__name__} from {name}",
        )
    return cast("Executor", executor)


def _factory(name: str) -> Callable[[], object]:
    module, colon, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute) if colon else None
    except (ImportError, AttributeError, ValueError) as error:
        raise TrainingError("The executor cannot be imported.", got=f"{name}: {error}") from error
    if not callable(factory):
        raise TrainingError(
            "There is no such executor.",
            expected=f"{SERIAL}, {PROCESSES}, or module:factory",
            got=name,
        )
    return cast("Callable[[], object]", factory)


@contextmanager
def _with_modules_of(folder: Path) -> Iterator[None]:
    """Find modules of a folder inside the block; the path of the caller stays as it is."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
