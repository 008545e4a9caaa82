"""Installs packages of this folder: with pip, or at once by their modules and their metadata."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from ricenet_v2.core import plugins

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest needs it there

HERE = Path(__file__).parent
SMALL = {"cases": 12, "test_cases": 1, "shape": (12, 14, 12), "spacing": (14.0, 13.0, 14.0)}
"""A cohort that is as small as five folds allow."""
EXAMPLES = tuple(sorted(file.parent.name for file in HERE.glob("*/pyproject.toml")))


def install_with_pip(sources: Path, target: Path) -> None:
    """Let pip build all packages from copies of their folders, without network.

    Args:
        sources: A new folder for the copies, as building leaves files beside the sources.
        target: Folder of installed packages.
    """
    copies = [shutil.copytree(HERE / name, sources / name) for name in EXAMPLES]
    offline = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", target]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *offline]
    done = subprocess.run([*command, *copies], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def on_path(folder: Path):
    """The packages of a folder are installed, here and in processes that are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        plugins.forget()
        yield
    importlib.invalidate_caches()
    plugins.forget()
    for name in [name for name in sys.modules if name.startswith("ricenet_example")]:
        del sys.modules[name]


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
