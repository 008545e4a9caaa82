"""The import of blosc2, which draws random numbers, leaves those of the caller as they are."""

import re
import subprocess
import sys
from pathlib import Path

import ricenet_v2

PACKAGE = Path(ricenet_v2.__file__).parent
IMPORT = re.compile(r"^\s*(import|from) blosc2\b", re.MULTILINE)
CODE = """
import random
random.seed(7)
before = random.getstate()
import ricenet_v2.store.blosc
assert random.getstate() == before
"""


def test_a_first_import_leaves_the_random_numbers_of_the_caller_as_they_are():
    """In a process that has not imported the library; here the tests have."""
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_no_other_module_imports_it():
    importing = [
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if IMPORT.search(file.read_text(encoding="utf-8"))
    ]
    assert importing == ["store/blosc.py"]
