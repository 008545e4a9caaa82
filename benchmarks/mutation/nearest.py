"""Tests near a module: those that import it, then those that import what imports it.

A test imports also what the helper modules import that it imports from `tests`. A `conftest.py` is
none of them: it has the fixtures of all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "ricenet_v2"
_TESTS = "tests"
_FARTHEST = 2


def name_of(root: Path, path: Path) -> str:
    """E.g. `ricenet_v2.planning.ladder`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imported(root: Path, path: Path, top: str = PACKAGE) -> frozenset[str]:
    """Modules below `top` that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(name for name in names if _path(root, name, top) is not None)


def _path(root: Path, name: str, top: str = PACKAGE) -> Path | None:
    if name.split(".", maxsplit=1)[0] != top:
        return None
    base = root.joinpath(*name.split("."))
    path = base / "__init__.py" if top == _TESTS and base.is_dir() else base.with_suffix(".py")
    return path if path.is_file() else None


@cache
def _reached(root: Path, test: Path) -> frozenset[str]:
    """Modules of the package that a file of tests imports, through helper modules too."""
    left, seen = [test], set[Path]()
    names: set[str] = set()
    while left:
        path = left.pop()
        if path not in seen:
            seen.add(path)
            names |= _imported(root, path)
            helpers = (_path(root, name, _TESTS) for name in _imported(root, path, _TESTS))
            left += [helper for helper in helpers if helper is not None]
    return frozenset(names)


@cache
def _importers(root: Path) -> dict[str, frozenset[str]]:
    """The modules that import each module."""
    importers: dict[str, set[str]] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        for name in _imported(root, path):
            importers.setdefault(name, set()).add(name_of(root, path))
    return {name: frozenset(those) for name, those in importers.items()}


def nearest(root: Path, module: Path) -> list[str]:
    """Test files from near to far, relative to the root, of one module.

    That of its name, all that import it, and in the folder that mirrors its package those that
    import what imports it; where there is none, the whole of the nearest folder that has tests.

    Args:
        root: Folder of the package and its tests.
        module: A file of the package.
    """
    folder = root / _TESTS / module.relative_to(root / PACKAGE).parent
    while not any(folder.rglob("test_*.py")):
        folder = folder.parent
    near = {name_of(root, module)}
    chosen: list[Path] = []
    for distance in range(1, _FARTHEST + 1):
        tests = sorted((root / _TESTS if distance == 1 else folder).rglob("test_*.py"))
        for reached in (_imported, _reached):
            chosen += [path for path in tests if path not in chosen and near & reached(root, path)]
        near = set().union(*(_importers(root).get(name, ()) for name in near))
    mirror = folder / f"test_{module.stem}.py"
    if mirror.is_file() and mirror not in chosen:  # it may reach its module through fixtures alone
        chosen.append(mirror)
    chosen.sort(key=lambda path: (path != mirror, folder not in path.parents))
    some: Iterable[Path] = chosen or folder.rglob("test_*.py")
    return [path.relative_to(root).as_posix() for path in some]
