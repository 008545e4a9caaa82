"""Installs a package of this folder without pip and network: its modules and its metadata."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest needs it there

HERE = Path(__file__).parent
SMALL = {"cases": 12, "test_cases": 1, "shape": (12, 14, 12), "spacing": (14.0, 13.0, 14.0)}
"""A cohort that is as small as five folds allow."""
EXAMPLES = tuple(sorted(file.parent.name for file in HERE.glob("*/pyproject.toml")))


def install(name: str, target: Path, version: str | None = None) -> None:
    """Put a package into a folder that is on `sys.path`, as `pip install --target` does.

    Args:
        name: A folder here.
        target: Folder of installed packages.
        version: In place of that in its pyproject.toml.
    """
    project = tomllib.loads((HERE / name / "pyproject.toml").read_text())["project"]
    shutil.copytree(HERE / name / name, target / name, dirs_exist_ok=True)
    write_metadata(target, project["name"], version or project["version"], project["entry-points"])


def write_metadata(target: Path, name: str, version: str, groups: dict[str, dict[str, str]]):
    """What pip writes beside a package: name, version and entry points."""
    for old in target.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    folder = target / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = (
        f"[{group}]\n" + "".join(f"{key} = {place}\n" for key, place in entries.items())
        for group, entries in groups.items()
    )
    (folder / "entry_points.txt").write_text("\n".join(sections))
