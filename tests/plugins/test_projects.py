"""The example packages are what pip would install, and say what the tests read in them."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from email import message_from_string

import pytest

from tests.plugins.installed import EXAMPLES, HERE, install

METADATA = (
    "from setuptools import build_meta; print(build_meta.prepare_metadata_for_build_wheel('.'))"
)


def entries(folder):
    parser = ConfigParser(delimiters="=")
    parser.read(folder / "entry_points.txt")
    return {group: dict(parser[group]) for group in parser.sections()}


IMPORTED = re.compile(r"^ *(?:from|import) (ricenet_v2[\w.]*)", re.MULTILINE)


@pytest.mark.parametrize("name", EXAMPLES)
def test_packages_are_written_with_public_names_alone(name):
    files = [*(HERE / name).rglob("*.py")]
    imported = {module for file in files for module in IMPORTED.findall(file.read_text("utf-8"))}
    assert imported <= {"ricenet_v2", "ricenet_v2.plugins"}


def test_so_are_those_that_the_page_shows():
    text = (HERE.parents[1] / "documentation" / "extending.md").read_text("utf-8")
    shown = text.partition("## What other packages bring")[2].partition("## A public cohort")[0]
    assert set(IMPORTED.findall(shown)) == {"ricenet_v2", "ricenet_v2.plugins"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_setuptools_writes_the_same_metadata(name, tmp_path):
    install(name, tmp_path / "here")
    (here,) = (tmp_path / "here").glob("*.dist-info")
    project = shutil.copytree(HERE / name, tmp_path / "there")
    command = [sys.executable, "-W", "ignore", "-c", METADATA]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (there,) = project.glob("*.dist-info")
    assert here.name == there.name
    assert entries(here) == entries(there)
    ours, theirs = (message_from_string((each / "METADATA").read_text()) for each in (here, there))
    assert (ours["Name"], ours["Version"]) == (theirs["Name"], theirs["Version"])
    assert theirs["Requires-Dist"] == "ricenet_v2"


def test_together_they_bring_something_of_each_group(tmp_path):
    groups = set()
    for name in EXAMPLES:
        install(name, tmp_path)
    for folder in tmp_path.glob("*.dist-info"):
        groups |= set(entries(folder))
    sorts = ("networks", "presets", "augmentations", "normalisation", "metrics", "readers")
    assert groups == {f"ricenet_v2.{sort}" for sort in sorts}
