"""The faults that `python -m benchmarks.device_bugs` plants."""

import ast
from collections import Counter
from pathlib import Path

from benchmarks.device_bugs.bugs import BUGS

ROOT = Path(__file__).parents[2]


def test_each_can_be_planted_and_names_tests_that_are_there():
    for bug in BUGS:
        ast.parse(bug.planted(ROOT))
        for test in bug.tests:
            file, _, name = test.partition("::")
            assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).is_file()
    assert max(Counter(bug.name for bug in BUGS).values()) == 1
    assert sum(bug.effect != "legal" for bug in BUGS) >= 30
