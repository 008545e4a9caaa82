"""Draws documentation/architecture.svg and imports.svg from the import contract and the imports.

Floors and their packages are those of pyproject.toml, what stands in a box is the first sentence of
the package's docstring, and a dot of imports.svg is an import that some module really has.

Usage: python -m benchmarks.architecture [--check]
"""

from __future__ import annotations

import argparse
import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "ricenet_v2"
PICTURES = ROOT / "documentation"
INK, MUTED, LINE, WAY = "#17324d", "#5b6b7c", "#b9c6d3", "#d9730d"
FLOORS = ("#dbe7f3", "#e3edf6", "#eaf1f8", "#f1f6fa")
_SANS = "font-family=\"-apple-system,'Segoe UI',Helvetica,Arial,sans-serif\""
_MONO = 'font-family="ui-monospace,Menlo,Consolas,monospace"'


@dataclass(frozen=True)
class Step:
    """One station of the way of the data.

    Attributes:
        product: What there is after it.
        packages: Packages that make it.
        command: Command that a user types for it; neighbours with the same command share a bracket.
    """

    product: str
    packages: tuple[str, ...]
    command: str


STEPS = (
    Step("raw dataset", ("ingest", "phantom"), "ricenet_convert"),
    Step("fingerprint", ("fingerprinting",), "ricenet_plan_and_preprocess"),
    Step("plan", ("planning",), "ricenet_plan_and_preprocess"),
    Step("cases", ("preprocessing",), "ricenet_plan_and_preprocess"),
    Step("trained folds", ("network", "training"), "ricenet_train"),
    Step("predictions", ("inference",), "ricenet_predict"),
    Step("metrics, maps", ("evaluation", "explanation", "ablation"), "ricenet_evaluate"),
    Step("report", ("reporting",), "ricenet_report"),
)


def floors(project: str) -> list[list[str]]:
    """Packages of each floor by the text of pyproject.toml, the highest floor first."""
    block = re.search(r"^layers = (\[.*?^\])", project, re.MULTILINE | re.DOTALL)
    if block is None:
        raise SystemExit("pyproject.toml has no layers of an import contract.")
    lines: list[str] = ast.literal_eval(block[1])
    return [[name.strip(" ()") for name in line.split("|")] for line in lines]


def sentence(package: str) -> str:
    """The first line of the docstring of a package."""
    text = (ROOT / PACKAGE / package / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def imports(packages: Sequence[str]) -> dict[str, set[str]]:
    """Packages that the modules of each package import."""
    return {
        package: {
            parts[1]
            for path in sorted((ROOT / PACKAGE / package).rglob("*.py"))
            for name in _imported(ast.parse(path.read_text(encoding="utf-8")))
            if (parts := name.split("."))[0] == PACKAGE and len(parts) > 1
            if parts[1] in packages and parts[1] != package
        }
        for package in packages
    }


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _text(x: float, y: float, text: str, size: float, **style: object) -> str:
    given = {"fill": INK, "text-anchor": "start", **{k.replace("_", "-"): style[k] for k in style}}
    family = _MONO if given.pop("mono", False) else _SANS
    words = " ".join(f'{name}="{value}"' for name, value in given.items())
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" {family} {words}>{escape(text)}</text>'


def _badge(x: float, y: float, number: int) -> list[str]:
    return [
        f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="{WAY}"/>',
        _text(x, y + 4.4, str(number), 12.5, fill="#fff", text_anchor="middle", font_weight=700),
    ]


def _way(width: float, top: float) -> Iterator[str]:
    """The stations from left to right, and under them the commands."""
    step = width / len(STEPS)
    middles = [step * (index + 0.5) for index in range(len(STEPS))]
    yield _text(20, top, "The way of the data", 15, font_weight=700)
    y = top + 34
    yield f'<path d="M{middles[0]:g} {y:g}H{middles[-1]:g}" stroke="{WAY}" stroke-width="2.5"/>'
    for left, right in pairwise(middles):
        tip = (left + right) / 2 + 4
        yield f'<path d="M{tip - 8:g} {y - 5:g}l8 5l-8 5z" fill="{WAY}"/>'
    for number, (x, station) in enumerate(zip(middles, STEPS, strict=True), start=1):
        yield from _badge(x, y, number)
        yield _text(x, y + 31, station.product, 13, text_anchor="middle", font_weight=600)
    for command in dict.fromkeys(station.command for station in STEPS):
        stations = [
            x for x, station in zip(middles, STEPS, strict=True) if station.command == command
        ]
        left, right, below = stations[0] - step * 0.4, stations[-1] + step * 0.4, y + 44
        bracket = f"M{left:g} {below:g}v5H{right:g}v-5"
        yield f'<path d="{bracket}" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
        middle = (left + right) / 2
        yield _text(middle, below + 20, command, 10.5, fill=MUTED, text_anchor="middle", mono=True)


def _lines(package: str, width: float) -> list[str]:
    """The sentence of a package in lines that a box of so many pixels holds."""
    return textwrap.wrap(sentence(package), max(16, int((width - 22) / 5.9)))


def _box(x: float, y: float, width: float, height: float, package: str) -> Iterator[str]:
    numbers = [n for n, step in enumerate(STEPS, start=1) if package in step.packages]
    yield (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="#fff" '
        f'stroke="{WAY if numbers else LINE}" stroke-width="{1.6 if numbers else 1.2}"/>'
    )
    yield _text(x + 12, y + 21, package, 14.5, font_weight=700)
    for index, line in enumerate(_lines(package, width)):
        yield _text(x + 12, y + 38 + 14 * index, line, 11.5, fill=MUTED)
    for number in numbers:
        yield from _badge(x + width - 18, y + 18, number)


def house(storeys: list[list[str]]) -> str:
    """The picture of the floors, in SVG."""
    width, left, roof = 980, 64, 214
    inner, middle = width - 2 * left, width / 2
    shapes = list(_way(width, 30))
    shapes.append(
        f'<path d="M{left - 24} {roof}L{middle:g} {roof - 62}L{left + inner + 24} {roof}z" '
        f'fill="{INK}"/>'
    )
    shapes.append(_text(middle, roof - 13, "A module imports only from floors below its own.", 12.5,
                      fill="#fff", text_anchor="middle"))  # fmt: skip
    y = float(roof)
    for index, packages in enumerate(storeys):
        share = (inner - 8) / len(packages)
        floor = 68 + 14 * (max(len(_lines(name, share - 8)) for name in packages) - 1)
        fill = FLOORS[index % 2 + (0 if index >= len(storeys) - 3 else 2)]
        shapes.append(
            f'<rect x="{left}" y="{y:g}" width="{inner}" height="{floor}" fill="{fill}"/>'
        )
        shapes.append(_text(left - 14, y + floor / 2 + 6, str(len(storeys) - 1 - index), 17,
                          fill=MUTED, text_anchor="middle", font_weight=700))  # fmt: skip
        for at, package in enumerate(packages):
            shapes += _box(left + 8 + share * at, y + 8, share - 8, floor - 16, package)
        y += floor
    shapes.append(f'<rect x="{left - 24}" y="{y:g}" width="{inner + 48}" height="7" fill="{INK}"/>')
    return _svg(width, y + 24, shapes, "The floors of the package and the data flow")


def matrix(storeys: list[list[str]]) -> str:
    """The picture of who imports whom, in SVG: a row imports the columns with a dot."""
    order = [package for packages in storeys for package in packages]
    level = {package: i for i, packages in enumerate(storeys) for package in packages}
    of, cell, left, top = imports(order), 27, 168, 132
    cells = []
    for at, package in enumerate(order):
        y, x = top + cell * at, left + cell * at
        if level[package] % 2 == 0:
            cells.append(f'<rect x="20" y="{y}" width="{left - 20 + cell * len(order)}" '
                        f'height="{cell}" fill="{FLOORS[2]}"/>')  # fmt: skip
        cells.append(_text(left - 12, y + 18, package, 13, text_anchor="end", font_weight=600))
        cells.append(_text(30, y + 18, str(len(storeys) - 1 - level[package]), 12, fill=MUTED))
        turn = f"rotate(-50 {x + 12} {top - 10})"
        cells.append(_text(x + 12, top - 10, package, 13, transform=turn, font_weight=600))
    for row, package in enumerate(order):
        for column, other in enumerate(order):
            cx, cy = left + cell * (column + 0.5), top + cell * (row + 0.5)
            if other in of[package]:
                wrong = level[other] <= level[package]
                fill = "#c0392b" if wrong else INK
                cells.append(f'<circle cx="{cx:g}" cy="{cy:g}" r="6.5" fill="{fill}"/>')
            elif level[other] > level[package]:
                cells.append(f'<circle cx="{cx:g}" cy="{cy:g}" r="1.8" fill="{LINE}"/>')
    side = left + cell * len(order) + 90
    return _svg(side, top + cell * len(order) + 20, cells, "Which package imports which")


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'width="{width:g}" height="{height:g}">'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *parts, "</svg>", ""])


def pictures() -> dict[Path, str]:
    """The text of each picture, by its file."""
    storeys = floors((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        PICTURES / "architecture.svg": house(storeys),
        PICTURES / "imports.svg": matrix(storeys),
    }


def stale() -> list[Path]:
    """Files that are not what would be drawn now."""
    return [
        file
        for file, text in pictures().items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Draw, or look whether something has to be drawn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where it is stale")
    if parser.parse_args().check:
        for file in stale():
            print(f"{file} is stale: python -m benchmarks.architecture draws it anew.")
        return int(bool(stale()))
    for file, text in pictures().items():
        file.write_text(text, encoding="utf-8")
        print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
