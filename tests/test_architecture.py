"""The drawn floors are those of the import contract and of the imports."""

import ast
import functools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import architecture

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PACKAGES = {path.parent.name for path in (ROOT / "ricenet_v2").glob("*/__init__.py")}


_imports = functools.cache(architecture.imports)


@pytest.fixture
def read_once(monkeypatch):
    """All modules are read once, since they stay the same."""
    monkeypatch.setattr(architecture, "imports", lambda packages: _imports(tuple(packages)))


@pytest.mark.usefixtures("read_once")
def test_the_pictures_are_not_stale():
    """`python -m benchmarks.architecture` draws them anew."""
    assert architecture.stale() == []


@pytest.mark.usefixtures("read_once")
def test_a_picture_of_another_house_is_stale(monkeypatch, tmp_path):
    monkeypatch.setattr(architecture, "PICTURES", tmp_path)
    assert {file.name for file in architecture.stale()} == {"architecture.svg", "imports.svg"}
    for file, text in architecture.pictures().items():
        file.write_text(text, encoding="utf-8")
    assert architecture.stale() == []
    monkeypatch.setattr(architecture, "sentence", lambda package: f"Another {package}.")
    assert [file.name for file in architecture.stale()] == ["architecture.svg"]


def test_every_package_stands_on_a_floor_and_every_station_in_a_package():
    on_floors = [package for packages in architecture.floors(PROJECT) for package in packages]
    assert sorted(on_floors) == sorted(PACKAGES)
    stations = [package for step in architecture.STEPS for package in step.packages]
    assert set(stations) <= PACKAGES
    assert len(stations) == len(set(stations))
    for step in architecture.STEPS:
        assert f'{step.command} = "' in PROJECT


NAMED_IN_TEXT = {
    "records/architectures.py": {"network"},
    "records/normalisation.py": {"planning", "preprocessing"},
    "api/fold_execution.py": {"cli"},  # the command in a process of its own
}
"""Packages that a module names in text though they are not below it; see architecture.md."""
MODULE = re.compile(r"ricenet_v2\.(\w+)[\w.]*(?::\w+)?")


def named_in_text(file, level):
    """Packages, not below that of a file, of which a whole text names a module or function."""
    own, code = file.relative_to(ROOT / "ricenet_v2").parts[0], file.read_text(encoding="utf-8")
    if '"ricenet_v2.' not in code:
        return set()
    texts = (
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    named = {match[1] for text in texts if (match := MODULE.fullmatch(text))} & set(level)
    return {package for package in named - {own} if level[package] <= level[own]}


def test_no_module_names_a_higher_one_in_text_but_those_of_the_page():
    storeys = enumerate(architecture.floors(PROJECT))
    level = {package: number for number, packages in storeys for package in packages}
    files = [file for package in level for file in (ROOT / "ricenet_v2" / package).rglob("*.py")]
    named = {
        file.relative_to(ROOT / "ricenet_v2").as_posix(): packages
        for file in files
        if (packages := named_in_text(file, level))
    }
    assert named == NAMED_IN_TEXT


def test_imports_are_those_of_the_modules(tmp_path, monkeypatch):
    for name, text in {
        "high/a.py": "def f():\n    from ricenet_v2.low import one\n",
        "high/b.py": "import ricenet_v2.middle.two as two\nimport numpy\n",
        "middle/two.py": "from ricenet_v2 import low, high_of_another_name\n",
        "low/one.py": "from ricenet_v2.low.other import x\nfrom .other import y\n",
    }.items():
        path = tmp_path / "ricenet_v2" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    assert architecture.imports(("high", "middle", "low")) == {
        "high": {"low", "middle"},
        "middle": {"low"},
        "low": set(),
    }


@pytest.mark.parametrize("name", ["architecture.svg", "imports.svg"])
def test_what_is_drawn_is_xml_and_lies_inside_its_frame(name):
    root = ET.parse(ROOT / "documentation" / name).getroot()
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert 0 <= x <= x + float(rect.get("width")) <= width
        assert 0 <= y <= y + float(rect.get("height")) <= height
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= PACKAGES


def test_the_dots_are_the_imports():
    text = (ROOT / "documentation" / "imports.svg").read_text(encoding="utf-8")
    n_dots = len(re.findall(r'r="6\.5"', text))
    packages = sorted(PACKAGES)
    assert n_dots == sum(len(others) for others in architecture.imports(packages).values())
    assert "#c0392b" not in text  # an import upward
