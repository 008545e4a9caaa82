"""The lowest versions of setup.py, as `make oldest` installs them."""

import importlib.util
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

TOP = Path(__file__).parents[1]
FIXED = {
    "torch": "2.10",  # CVE-2025-32434, CVE-2026-24747: weights_only
    "simpleitk": "2.5.2",
    "numpy": "1.26",
    "pydantic": "2.12",
    "jinja2": "3.1.4",
    "pydicom": "3.0.2",  # CVE-2026-32711: paths in a DICOMDIR
    "python-gdcm": "3.2.2",  # CVE-2025-53618
}


@pytest.fixture(scope="module")
def oldest():
    spec = importlib.util.spec_from_file_location("oldest", TOP / ".ci" / "oldest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def floors(oldest):
    lines = oldest.lowest(oldest.requirements((TOP / "setup.py").read_text(encoding="utf-8")))
    return [Requirement(line) for line in lines]


def test_every_requirement_has_one_lowest_version(floors):
    assert {"torch", "blosc2", "SimpleITK", "tensorboard"} <= {one.name for one in floors}
    assert all([each.operator for each in one.specifier] == ["=="] for one in floors)


def test_what_readers_stand_on_is_not_older_than_its_corrections(floors):
    at = {one.name.lower(): Version(next(iter(one.specifier)).version) for one in floors}
    assert all(at[name] >= Version(version) for name, version in FIXED.items())


@pytest.mark.parametrize(("python", "least"), [("3.10", "4.3.3"), ("3.11", "4.14.1")])
def test_blosc2_asks_before_it_runs_a_file_wherever_there_is_such_a_version(floors, python, least):
    there = [one for one in floors if one.name == "blosc2"]
    chosen = [one for one in there if Marker(str(one.marker)).evaluate({"python_version": python})]
    assert [str(one.specifier) for one in chosen] == [f"=={least}"]


def test_a_requirement_without_a_floor_is_named(oldest):
    with pytest.raises(ValueError, match=r"'numpy' of .* has no floor"):
        oldest.lowest(["torch>=2.10", "numpy"])


def test_weights_are_read_without_running_anything():
    """Every call of torch.load says weights_only; a word about it in a text is no call."""
    calls = [
        line
        for path in (TOP / "ricenet_v2").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "torch.load(" in line and "whole = torch.load" not in line
    ]
    assert calls
    assert all("weights_only=True" in line for line in calls)
