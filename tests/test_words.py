"""Names in the package say what they hold, and no class name stands twice."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ricenet_v2"
FILES = sorted(PACKAGE.rglob("*.py"))
EMPTY = {"found", "made", "told", "one", "own"}
"""Words that say of a value that there is one."""
FINDINGS = PACKAGE / "fingerprinting"
"""Here `found` is a field of a document, and the parameter that fills it."""


def names_of(tree: ast.Module) -> set[str]:
    """Names that are bound in functions: locals, parameters, variables of comprehensions."""
    names = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
                elif isinstance(node, ast.arg):
                    names.add(node.arg)
    return names


def test_no_name_is_empty():
    empty = {}
    for file in FILES:
        names = {name.strip("_") for name in names_of(ast.parse(file.read_text(encoding="utf-8")))}
        allowed = {"found"} if file.parent == FINDINGS else set()
        if bad := names & EMPTY - allowed:
            empty[str(file.relative_to(PACKAGE))] = bad
    assert empty == {}


def test_the_look_at_names_finds_each_kind():
    text = (
        "def f(made, *, told=1):\n    found = [one for one in made]\n    return lambda own: found"
    )
    assert names_of(ast.parse(text)) >= EMPTY


def test_no_class_name_stands_twice():
    places = defaultdict(list)
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(PACKAGE)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
