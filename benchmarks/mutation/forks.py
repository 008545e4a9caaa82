"""Tests in a fork of a process that has imported the large libraries, but not the package."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Not what pytest wants to import itself, as hypothesis: it warns, and warnings are errors.
_LARGE = (
    *("torch", "scipy.stats", "scipy.ndimage", "sklearn.metrics", "SimpleITK", "matplotlib.figure"),
    *("sklearn.model_selection", "captum.attr"),
    *("dynamic_network_architectures.building_blocks.residual", "torch._dynamo"),
)
_PAUSE = 0.05
_MOST_BYTES = 8 << 30
"""Largest address space, torch alone takes 5 GB: a list that a change lets grow ends here."""
HERE = Path(__file__).resolve().parents[2]
TIMEOUT = "a timeout"


class _First:
    """Writes the first test, or file of tests, that fails."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def _heard(self, report: Any) -> None:
        if report.failed:
            os.write(self.pipe, f"{report.nodeid}\n".encode())

    pytest_runtest_logreport = pytest_collectreport = _heard


@dataclass
class Forks:
    """Runs tests of a tree, each time in a fork.

    Attributes:
        tree: Folder of the package and its tests.
        timeout: Seconds; a change that makes tests run on and on is found too.
    """

    tree: Path
    timeout: float

    def __post_init__(self) -> None:
        """Import what every test would import first.

        Raises:
            RuntimeError: The package is imported already: tests would not see that of the tree.
        """
        if "ricenet_v2" in sys.modules:
            raise RuntimeError("ricenet_v2 is imported before its tests are")
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        for name in _LARGE:
            importlib.import_module(name)

    def first_failure(self, tests: Sequence[str]) -> str:
        """The first of these tests that fails, `TIMEOUT`, or nothing where all pass."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._become_pytest(tests, writing)
        os.close(writing)
        code = self._code(child)
        with os.fdopen(reading, encoding="utf-8") as stream:
            names = stream.read().splitlines()
        if code is None:
            return TIMEOUT
        return "" if code == 0 else (names or [f"exit code {code} of pytest"])[0]

    def _code(self, child: int) -> int | None:
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_PAUSE)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _become_pytest(self, tests: Sequence[str], pipe: int) -> None:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            os.chdir(self.tree)
            os.environ["PYTHONPATH"] = str(self.tree)
            elsewhere = [path for path in sys.path if path and Path(path).resolve() != HERE]
            sys.path[:] = [str(self.tree), *elsewhere]
            # Tests import the benchmarks of the tree, not those that this program is one of.
            for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
                del sys.modules[name]
            pytest = importlib.import_module("pytest")
            words = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
            code = int(pytest.main(words, plugins=[_First(pipe)]))
        finally:
            os._exit(code)
