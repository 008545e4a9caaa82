"""What is built of the project: metadata, licences, and a source distribution that is complete."""

import email
import importlib
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (".ci", ".github", "benchmarks", "documentation", "ricenet_v2", "tests")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pyc", ".hypothesis")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the project, so that nothing is written beside the tests that run meanwhile."""
    made = tmp_path_factory.mktemp("source")
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, made)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, made / name, ignore=LEFT_OUT)
    return made


@pytest.fixture(scope="module")
def unpacked(source):
    """The only folder of the source distribution."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", "built"],
        cwd=source,
        capture_output=True,
        check=True,
    )
    (archive,) = (source / "built").iterdir()
    with tarfile.open(archive) as stream:
        stream.extractall(source / "unpacked", filter="data")
    (folder,) = (source / "unpacked").iterdir()
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked):
    return email.message_from_string((unpacked / "PKG-INFO").read_text(encoding="utf-8"))


def _files(top, names):
    return {path.relative_to(top) for name in names for path in (top / name).rglob("*")}


def test_the_source_distribution_has_every_file_of_the_project(source, unpacked):
    # `make sdist` runs tests from it.
    assert _files(source, FOLDERS) - _files(unpacked, FOLDERS) == set()
    top = {path.name for path in source.iterdir() if path.is_file()}
    assert top - {path.name for path in unpacked.iterdir()} == set()


def test_the_licences_of_what_is_bundled_are_named_and_shipped(metadata, unpacked):
    named = set(metadata["License-Expression"].split(" AND "))
    viewer = (unpacked / "ricenet_v2/reporting/assets/niivue_licence.txt").read_text(
        encoding="utf-8"
    )
    for licence, words in {
        "BSD-2-Clause": "BSD 2-Clause License",
        "MIT": "MIT License",
        "ISC": "ISC License",
    }.items():
        assert words in viewer
        assert licence in named
    assert "Apache-2.0" in named
    shipped = metadata.get_all("License-File")
    assert shipped == ["LICENSE", "ricenet_v2/reporting/assets/niivue_licence.txt"]


def test_setup_states_the_ranges(metadata):
    ranges = metadata.get_all("Requires-Dist")
    assert any(line.startswith("torch>=") for line in ranges)
    assert metadata["Requires-Python"] == "<3.14,>=3.10"
    assert metadata["Author"] == "ricenet_v2 developers"


def test_every_command_is_installed():
    """A module of `cli` with a parser and a `main` is a command, and the reverse."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("[project.scripts]\n")[2].partition("\n\n")[0]
    scripts = dict(line.split(" = ") for line in block.splitlines())
    for name, place in scripts.items():
        module, function = place.strip('"').split(":")
        assert name == f"ricenet_{module.rpartition('.')[2]}"
        assert callable(getattr(importlib.import_module(module), function))
    commands = {
        f"ricenet_{path.stem}"
        for path in (ROOT / "ricenet_v2" / "cli").glob("*.py")
        if "\ndef main(" in path.read_text(encoding="utf-8")
    }
    assert set(scripts) == commands


def test_the_page_of_the_paper_is_an_address_of_the_project(metadata):
    assert metadata.get_all("Project-URL") == ["Paper, https://arxiv.org/abs/2603.11827"]


def test_continuous_integration_runs_what_there_is():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").is_file()
    assert "run: .ci/run" in text
    targets = re.findall(r"target: \[(.*)\]", text)[0].split(", ")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
