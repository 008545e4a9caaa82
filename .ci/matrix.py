"""Runs tests with every Python that the project allows, each in an environment that uv makes.

Usage: python .ci/matrix.py [--pythons 3.10 3.13] [--fetch] [--all] [TEST ...]

An interpreter that is not on this machine, or whose packages cannot be had, is listed as not run
and never as passed. The exit code is 1 where a test failed, and 2 where nothing could be run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PLACE = TOP / ".venv_matrix"
FEW = ("tests/core", "tests/records", "tests/planning", "tests/store", "tests/test_version.py")
"""Fast tests of the lower floors; `--all` runs every test."""
PASSED, FAILED, NOT_RUN = "passed", "FAILED", "not run"


def pythons(project: str) -> list[str]:
    """The minor versions that the classifiers of pyproject.toml name, lowest first."""
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    return sorted(versions, key=lambda version: int(version.partition(".")[2]))


def interpreter(version: str, *, fetch: bool) -> str | None:
    """A Python of that version: one of uv's or of the system, or one of pyenv; else None."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for path in sorted(home.glob(f"versions/{version}.*/bin/python")):
        return str(path)
    given = [] if fetch else ["--no-python-downloads"]
    done = _quietly(["uv", "python", "find", *given, version])
    return done.stdout.strip() if done.returncode == 0 else None


def tried(version: str, tests: Sequence[str], *, fetch: bool) -> tuple[str, str]:
    """How the tests ended with one Python, and the last line that says so."""
    python = interpreter(version, fetch=fetch)
    if python is None:
        return NOT_RUN, "no such interpreter here; --fetch lets uv download it"
    folder = PLACE / version
    inside = str(folder / "bin" / "python")
    target = ["--python", inside, "--constraint", "constraints.txt", "--editable", ".[test]"]
    for words in (["uv", "venv", "--allow-existing", "--python", python, str(folder)],
                  ["uv", "pip", "install", *target]):  # fmt: skip
        done = _quietly(words)
        if done.returncode:
            return NOT_RUN, _last(done.stderr)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
    words = [inside, "-m", "pytest", "-v", "--no-header", "--tb=short", *tests]
    done = subprocess.run(words, cwd=TOP, env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    (folder / "tests.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    return (FAILED if done.returncode else PASSED), _last(done.stdout or done.stderr).strip("= ")


def _quietly(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=False)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"


def main(words: Sequence[str]) -> int:
    """Print a line for each Python."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = pythons((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    parser.add_argument("--pythons", nargs="+", default=known, choices=known, metavar="VERSION")
    parser.add_argument("--fetch", action="store_true", help="let uv download interpreters")
    parser.add_argument("--all", action="store_true", help="run every test, not those of FEW")
    parser.add_argument("tests", nargs="*", help="tests to run instead")
    given = parser.parse_args(words)
    if shutil.which("uv") is None:
        print("uv is not installed: `pip install uv`, or https://docs.astral.sh/uv/")
        return 2
    tests = given.tests or ([] if given.all else list(FEW))
    ends = []
    for version in given.pythons:
        end, line = tried(version, tests, fetch=given.fetch)
        print(f"Python {version}: {end} ({line})", flush=True)
        ends.append(end)
    if FAILED in ends:
        return 1
    return 0 if PASSED in ends else 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
