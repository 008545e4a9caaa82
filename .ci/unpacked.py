"""Unpacks the newest source distribution of a folder and runs some of its tests there.

Usage: python .ci/unpacked.py dist
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

TESTS = ("tests/test_oldest.py", "tests/test_packaging.py", "tests/core", "tests/planning")


def main(folder: Path) -> int:
    """The exit code of pytest."""
    archive = max(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(archive) as stream:
            stream.extractall(scratch, filter="data")
        (top,) = Path(scratch).iterdir()
        print(f"Tests of {archive.name}: {' '.join(TESTS)}")
        words = [sys.executable, "-m", "pytest", "-n0", *TESTS]
        return subprocess.run(words, cwd=top, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
