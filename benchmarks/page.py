"""Sections of documentation/benchmarks.md that a benchmark rewrites, and the machine it ran on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ricenet_v2.core.machine import n_cores, processor


def rewrite(text: str, name: str, section: str) -> str:
    """`text` with what stands between the markers of `name` replaced.

    Raises:
        SystemExit: A marker is missing.
    """
    first, last = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise SystemExit(f"The page needs the lines {first} and {last}.")
    return f"{before}{first}\n{section}\n{last}{after}"


def section(page: Path, name: str) -> str:
    """What stands between the markers of a section of a page on disk."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} begin -->\n")
    return rest.partition(f"\n<!-- {name} end -->")[0]


def write(page: Path, name: str, section: str) -> None:
    """Rewrite one section of a page on disk."""
    text = page.read_text(encoding="utf-8")
    page.write_text(rewrite(text, name, section), encoding="utf-8")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine(*packages: str) -> str:
    """The processor, its cores, and versions of Python and of the packages named."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{processor()}, {n_cores()} cores; Python {platform.python_version()}, {versions}"
