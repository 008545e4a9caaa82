"""The package as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import ricenet_v2

VERSION = ricenet_v2.__version__
ROOT = Path(__file__).parents[1]


def test_setup_and_package_agree_on_the_version():
    printed = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.split()[-1] == VERSION


def test_importing_the_package_loads_no_torch():
    code = "import sys, ricenet_v2; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_citation_and_changelog_are_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^(version|date-released): (\S+)$", citation, re.MULTILINE))
    release, is_development = VERSION.removesuffix(".dev0"), "dev" in VERSION
    assert (f"{release}.dev0" if is_development else release) == VERSION
    numbers = [tuple(map(int, each.split("."))) for each in (fields["version"], release)]
    # What is cited is the last release, which a version in development comes behind.
    assert (numbers[0] < numbers[1]) if is_development else (numbers[0] == numbers[1])
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", changes, re.MULTILINE)
    assert heads[:2] == ["Unreleased", f"{fields['version']} - {fields['date-released']}"]
