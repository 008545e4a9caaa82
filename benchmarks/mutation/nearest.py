"""Which tests are near a module: those that import it, then those that import what imports it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "ricenet_v2"
_FARTHEST = 2


def name_of(root: Path, path: Path) -> str:
    """E.g. `ricenet_v2.planning.ladder`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imported(root: Path, path: Path) -> frozenset[str]:
    """Modules of the package that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(name for name in names if _path(root, name) is not None)


def _path(root: Path, name: str) -> Path | None:
    if not name.startswith(PACKAGE):
        return None
    path = root.joinpath(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None


@cache
def _importers(root: Path) -> dict[str, frozenset[str]]:
    """The modules that import each module."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        for name in _imported(root, path):
            found.setdefault(name, set()).add(name_of(root, path))
    return {name: frozenset(those) for name, those in found.items()}


def nearest(root: Path, module: Path) -> list[str]:
    """Test files from near to far, relative to the root, of one module.

    All that import it, and in the folder that mirrors its package those that import what imports
    it; where there is none, the whole of the nearest folder that has tests.

    Args:
        root: Folder of the package and its tests.
        module: A file of the package.
    """
    folder = root / "tests" / module.relative_to(root / PACKAGE).parent
    while not any(folder.rglob("test_*.py")):
        folder = folder.parent
    near = {name_of(root, module)}
    made: list[Path] = []
    for distance in range(1, _FARTHEST + 1):
        tests = sorted((root / "tests" if distance == 1 else folder).rglob("test_*.py"))
        made += [path for path in tests if path not in made and near & _imported(root, path)]
        near = set().union(*(_importers(root).get(name, ()) for name in near))
    mirror = folder / f"test_{module.stem}.py"
    made.sort(key=lambda path: (path != mirror, folder not in path.parents))
    chosen: Iterable[Path] = made or folder.rglob("test_*.py")
    return [path.relative_to(root).as_posix() for path in chosen]
