"""A copy of the working tree, in which faults are planted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.mutation.nearest import PACKAGE

ROOT = Path(__file__).parents[2]


def copied(tree: Path) -> Path:
    """The working tree as git sees it, without what a killed run left in it."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    names = [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    for name in names:
        content, target = (ROOT / name).read_bytes(), tree / name
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    kept = set(names)
    for path in (tree / PACKAGE, tree / "tests"):
        for file in [*path.rglob("*.py")]:
            if file.relative_to(tree).as_posix() not in kept:
                file.unlink()
    return tree
