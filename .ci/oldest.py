"""Prints the lowest versions that a setup.py allows, as constraints for pip.

Usage: python .ci/oldest.py setup.py > constraints.txt

Tools of the tests are left as they are: the program does not stand on them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

_REQUIREMENT = re.compile(r"([\w.-]+)>=([\w.]+)[^;]*(;.*)?")
_TOOLS = "test"


def requirements(setup: str) -> list[str]:
    """What the program and its options need, by the text of setup.py, which is not run."""
    calls = (node for node in ast.walk(ast.parse(setup)) if isinstance(node, ast.Call))
    given = {word.arg: word.value for call in calls for word in call.keywords}
    extras = ast.literal_eval(given["extras_require"])
    options = [line for name, lines in extras.items() if name != _TOOLS for line in lines]
    return [*ast.literal_eval(given["install_requires"]), *options]


def lowest(lines: Iterable[str]) -> list[str]:
    """Each requirement at its floor.

    Raises:
        ValueError: One has no floor.
    """
    requirements = []
    for line in lines:
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            raise ValueError(f"{line!r} of setup.py has no floor such as numpy>=1.26")
        requirements.append(f"{match[1]}=={match[2]}{' ' + match[3] if match[3] else ''}")
    return requirements


if __name__ == "__main__":
    print("\n".join(lowest(requirements(Path(sys.argv[1]).read_text(encoding="utf-8")))))
