"""Messages and pages install this program from its source, since no index has its name."""

import re
from pathlib import Path

import pytest

import ricenet_v2
from ricenet_v2.core import packages
from ricenet_v2.core.errors import OptionError

ROOT = Path(__file__).parents[2]
PLACES = ("ricenet_v2", "benchmarks", "documentation", "tests")
FILES = [
    file
    for place in PLACES
    for file in (ROOT / place).rglob("*")
    if file.suffix in {".py", ".md", ".ipynb", ".sh"}
]
FILES += [*ROOT.glob("*.md"), ROOT / "Makefile"]
BY_NAME = re.compile(r"install(?:\s+-\S+)*\s+['\"`]*ricenet_v2\b(?!_)")
EXTRA = re.compile(r"'\.\[(\w+)\]'")


def test_nothing_installs_it_by_its_name():
    texts = {file: file.read_text(encoding="utf-8") for file in FILES}
    assert [file.name for file, text in texts.items() if BY_NAME.search(text)] == []
    extras = set(re.findall(r'^        "(\w+)": \[', (ROOT / "setup.py").read_text(), re.MULTILINE))
    named = {name for text in texts.values() for name in EXTRA.findall(text)}
    assert {"brain", "radiomics"} <= named <= extras


def test_such_a_command_would_be_seen():
    name = ricenet_v2.__name__
    for text in (f"pip install '{name}[brain]'", f"pip install --upgrade {name}"):
        assert BY_NAME.search(text)
    assert not BY_NAME.search(f"pip install {name}_more")


def test_a_missing_package_is_refused_with_the_command_that_brings_it():
    packages.check_package("json", "brain", "do without")
    with pytest.raises(OptionError, match="no_such_module is not installed") as caught:
        packages.check_package("no_such_module", "brain", "do without")
    assert caught.value.remedy == (
        "pip install '.[brain]' in the folder of the source of ricenet_v2, or do without."
    )
