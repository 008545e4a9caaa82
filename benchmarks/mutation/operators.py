"""How a line is changed: operators of cosmic-ray, and three that it lacks.

Of its 213 operators those are taken that change one thing at a time. All replacements of a sign by
every other sign are found by the same tests, and would only make the score look better.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

Position = tuple[int, int]

_CORE = (
    *(
        f"ReplaceComparisonOperator_{change}"
        for change in (
            *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "Gt_Lt"),
            *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
        )
    ),
    *(
        f"ReplaceBinaryOperator_{change}"
        for change in (
            *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Mul"),
            *("BitAnd_BitOr", "BitOr_BitAnd"),
        )
    ),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub"),
    *("ReplaceUnaryOperator_Delete_Invert", "AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "NumberReplacer", "ZeroIterationForLoop"),
)

_OPPOSITES = {
    a: b
    for pair in (("min", "max"), ("argmin", "argmax"), ("amin", "amax"), ("any", "all"),
                 ("minimum", "maximum"), ("floor", "ceil"), ("sum", "mean"), ("low", "high"))
    for a, b in (pair, pair[::-1])
}  # fmt: skip


class DeleteStatement(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """A statement that is a call, a raise or an augmented assignment is left out."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        """Positions of the statement."""
        if node.type == "simple_stmt" and self._is_droppable(node.children[0]):
            yield node.start_pos, node.end_pos

    @staticmethod
    def _is_droppable(node: Any) -> bool:
        if node.type == "expr_stmt":
            return str(node.children[1].get_code()).strip().endswith("=") and (
                node.children[1].type == "operator" and node.children[1].value != "="
            )
        return node.type in ("raise_stmt", "atom_expr")

    def mutate(self, node: Any, _index: int) -> Any:
        """`pass` in its place."""
        statement = parso.parse("pass\n").children[0]
        statement.get_first_leaf().prefix = node.get_first_leaf().prefix
        return statement

    @classmethod
    def examples(cls) -> tuple[()]:
        """None; the tests have them."""
        return ()


class Opposite(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """`min` for `max` and the like, as function, method or field."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        """Positions of the name."""
        if node.type == "name" and node.value in _OPPOSITES and not node.is_definition():
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        """The same with the other name."""
        node.value = _OPPOSITES[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None; the tests have them."""
        return ()


class DropArgument(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """A keyword argument, or the last of several arguments, is left out."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        """Positions of each argument that can be left out."""
        for argument in self._droppable(node):
            yield argument.start_pos, argument.end_pos

    @staticmethod
    def _droppable(node: Any) -> list[Any]:
        if node.type != "arglist" or node.parent.type != "trailer":
            return []
        given = [child for child in node.children if child.type != "operator"]
        return [
            child
            for child in given
            if child is given[-1]
            or (child.type == "argument" and str(child.children[1].get_code()) == "=")
        ]

    def mutate(self, node: Any, index: int) -> Any:
        """The same call without it."""
        at = node.children.index(self._droppable(node)[index])
        first = max(at - 1, 0)
        del node.children[first : first + 2]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None; the tests have them."""
        return ()


_OWN: dict[str, type[Any]] = {
    each.__name__: each for each in (DeleteStatement, Opposite, DropArgument)
}


def _operator(name: str) -> Any:
    return _OWN[name]() if name in _OWN else get_operator(f"core/{name}")()


def positions(source: str) -> Iterator[tuple[str, int, int]]:
    """Operator, its occurrence, and the line, of every change of a module.

    Types, decorators and the text of errors are left alone: what a test could say of them is what
    they say themselves.
    """
    tree, spared = get_ast(source), list(_spared(source))
    nodes = list(ast_nodes(tree))
    for name in (*_CORE, *_OWN):
        operator = _operator(name)
        places = ((node, start) for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, (node, start) in enumerate(places):
            is_spared = any(first <= start < last for first, last in spared)
            if not is_spared and not _is_marker(node):
                yield name, occurrence, start[0]


def _is_marker(node: Any) -> bool:
    """Whether it is the `*` or `/` between parameters, which multiplies and divides nothing."""
    return bool(node.type == "operator" and node.parent.type == "parameters")


def changed(source: str, name: str, occurrence: int) -> str:
    """The source of a module with one change."""
    mutated: str = mutate_code(source, _operator(name), occurrence)
    return mutated


def replacement(source: str, name: str, occurrence: int) -> str:
    """The lines that a change puts in, without their indent, joined by a space."""
    old, new = source.splitlines(), changed(source, name, occurrence).splitlines()
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    pairs = enumerate(zip(old, new, strict=False))
    first = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))
    return " ".join(line.strip() for line in new[first:])


def _spared(source: str) -> Iterator[tuple[Position, Position]]:
    """Positions where nothing is changed."""
    for node in ast.walk(ast.parse(source)):
        for part in _parts(node):
            yield _start(part), (part.end_lineno or part.lineno, part.end_col_offset or 0)


def _parts(node: ast.AST) -> Iterable[ast.expr]:
    if isinstance(node, ast.Raise):
        return [] if node.exc is None else [node.exc]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        returned = getattr(node, "returns", None)
        return [*node.decorator_list, *([returned] if returned else [])]
    annotation = getattr(node, "annotation", None)
    return [] if annotation is None else [annotation]


def _start(node: ast.expr) -> Position:
    return node.lineno, node.col_offset
