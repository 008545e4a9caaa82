"""Names say what they hold, and no class name stands twice; texts are plain English."""

import ast
import functools
import itertools
import re
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ricenet_v2"
FILES = sorted(PACKAGE.rglob("*.py"))
TOOLS = sorted(
    file for folder in ("benchmarks", ".ci") for file in (PACKAGE.parent / folder).rglob("*.py")
)
EMPTY = {"found", "made", "told", "one", "own"}
"""Words that say of a value that there is one."""
PRIVATE = {
    *("figure", "figures"),  # metrics, and pictures
    *("called", "calls"),  # predicted, predictions
    *("scored", "twins", "legs", "battery", "evidence", "question", "alike"),
    *("tell", "tells", "told", "hears"),
}
"""Words of a dialect that standard terms have replaced: no part of a name is one of them."""
OF_OTHERS = {
    "calls": {"core/ahead.py", "core/processes.py"},  # of functions
    "alike": {"ingest/dose.py", "network/pretrained.py", "reporting/charts.py"},
}
"""Files in which such a word has its plain sense."""
PICTURES = (
    "records/report.py",
    "reporting/svg.py",
    "reporting/lines.py",
    "training/",
    "api/pictures.py",
    "api/case_view.py",
)
"""Where a figure is a picture."""
FORMER = {"figure", "figures", "n_calls_differ"}
"""Former names of fields, which `FormerName` keeps."""
FINDINGS = PACKAGE / "fingerprinting"
"""Here `found` is a field of a document, and the parameter that fills it."""


@functools.cache
def tree_of(text: str) -> ast.Module:
    """The syntax tree of a module, which several tests walk."""
    return ast.parse(text)


def names_of(tree: ast.Module) -> set[str]:
    """Names that are bound in functions: locals, parameters, variables of comprehensions."""
    names: set[str] = set()
    nodes: list[tuple[ast.AST, bool]] = [(tree, False)]
    while nodes:
        node, is_inside = nodes.pop()
        if is_inside and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif is_inside and isinstance(node, ast.arg):
            names.add(node.arg)
        is_inside |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        nodes += [(child, is_inside) for child in ast.iter_child_nodes(node)]
    return names


def test_no_name_is_empty():
    empty = {}
    for file in (*FILES, *TOOLS):
        names = {name.strip("_") for name in names_of(tree_of(file.read_text(encoding="utf-8")))}
        allowed = {"found"} if file.parent == FINDINGS else set()
        if bad := names & EMPTY - allowed:
            empty[str(file.relative_to(PACKAGE.parent))] = bad
    assert empty == {}


def test_the_look_at_names_finds_each_kind():
    text = (
        "def f(made, *, told=1):\n    found = [one for one in made]\n    return lambda own: found"
    )
    assert names_of(tree_of(text)) >= EMPTY


def definitions_of(tree: ast.Module) -> set[str]:
    """Names of functions, classes, attributes and constants, and those of `names_of`."""
    names = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def words_of(name: str) -> set[str]:
    """Parts of a name, in small letters."""
    return set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().strip("_").split("_"))


def is_plain(word: str, file: str) -> bool:
    """Whether a word has its plain sense in a file."""
    if word in {"figure", "figures"}:
        return file.startswith(PICTURES)
    return file in OF_OTHERS.get(word, set())


def private_names(text: str, file: str) -> set[str]:
    """Names in a file that have a word of the dialect."""
    return {
        name
        for name in definitions_of(tree_of(text))
        if any(not is_plain(word, file) for word in words_of(name) & PRIVATE)
    } - (FORMER if file.startswith("records/") else set())


def test_names_are_made_of_standard_terms():
    private = {}
    for file in FILES:
        place = file.relative_to(PACKAGE).as_posix()
        if names := private_names(file.read_text(encoding="utf-8"), place):
            private[place] = names
    assert private == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def figures_of(x): pass", "figures_of"),
        ("class FigureRow: pass", "FigureRow"),
        ("FIGURES_JSON = 1", "FIGURES_JSON"),
        ("def f(called): pass", "called"),
        ("class A:\n    n_calls: int", "n_calls"),
        ("def f(self):\n    self.twins = 1", "twins"),
        ("def _tell(): pass", "_tell"),
    ],
)
def test_the_look_at_terms_finds_each_kind(text, name):
    assert private_names(text, "evaluation/a.py") == {name}


def test_no_class_name_stands_twice():
    places = defaultdict(list)
    for file in FILES:
        for node in ast.walk(tree_of(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(PACKAGE)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


DIALECT = re.compile(
    r"\b(of before|nobody foresaw|twice there|lies so|no one model|went astray|found by itself|"
    r"(is|are|be) held against|cannot be told|(is|are) told|options of then|hears? no more|"
    r"(is|are) reckoned|no quarrel|good child|as they say|in silence|at most all but|anew|"
    r"answer to this name|flatters?|made otherwise|nothing is said twice|passed over|"
    r"[Ss]ee whether|is not usable|replaced unasked|whoever tells)\b"
)
"""Turns of phrase that are not English, or mean something else to a reader."""
PAGES = sorted(
    page
    for page in (PACKAGE.parent / "documentation").rglob("*.md")
    if page.name not in {"metrics.md", "benchmarks.md"}
)


def phrases_of(text: str) -> set[str]:
    """Turns of phrase of the dialect, also across lines and the parts of a long string."""
    joined = re.sub(r'"\s*\n\s*[rf]*"', "", text).replace("\n#", "\n")
    return {match[0] for match in DIALECT.finditer(" ".join(joined.split()))}


def test_texts_are_plain_english():
    places = [*FILES, *PAGES, PACKAGE.parent / "README.md"]
    wrong = {
        str(place.relative_to(PACKAGE.parent)): phrases
        for place in places
        if (phrases := phrases_of(place.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_the_look_at_texts_finds_a_phrase_across_lines():
    assert phrases_of('"with the options of "\n    f"before {x}"') == {"of before"}
    assert phrases_of("# an error that nobody\n# foresaw") == {"nobody foresaw"}


FRAGMENT = re.compile(
    r"(Of|That|Whose|By|As|With|Without|Within|In|For|From|To|On|At|Among|Until|Before|After|Per|"
    r"Through|Beside|Between|Over|Under)\b"
)
"""What a text without a subject begins with."""
INDIRECT = re.compile(r"(Which|What|How|Who|Those|So|Such|Not|None)\b")
"""What a text begins with that is half a question, or stands for what is not named."""
ROW = re.compile(r" {4}([*\w][\w, *]*): (.+)")


def documented(tree: ast.Module) -> list[str]:
    """Docstrings of modules, classes and functions, and those below assignments."""
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            texts.append(ast.get_docstring(node) or "")
            for before, after in itertools.pairwise(node.body):
                if (
                    isinstance(before, ast.Assign | ast.AnnAssign)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                ):
                    texts.append(str(after.value.value))
    return texts


def has_subject(text: str, *, is_of_package: bool) -> bool:
    """Whether a text begins with what it is about; in tools half a question will do."""
    return not (FRAGMENT.match(text) or (is_of_package and INDIRECT.match(text)))


def fragments_of(text: str, *, is_of_package: bool = True) -> list[str]:
    """Summaries, and rows of arguments and attributes, that have no subject."""
    bad = []
    for docstring in documented(tree_of(text)):
        if docstring.startswith("Where ") or not has_subject(
            docstring, is_of_package=is_of_package
        ):
            bad.append(docstring.split("\n", maxsplit=1)[0])
        section = ""
        for line in docstring.splitlines():
            section = line.strip() if line[:1].strip() else section
            row = ROW.fullmatch(line) if section in {"Args:", "Attributes:"} else None
            if row and not has_subject(row[2], is_of_package=is_of_package):
                bad.append(line.strip())
    return bad


def test_docstrings_have_a_subject():
    bad = {
        str(file.relative_to(PACKAGE.parent)): fragments
        for file in (*FILES, *TOOLS)
        if (
            fragments := fragments_of(file.read_text(encoding="utf-8"), is_of_package=file in FILES)
        )
    }
    assert bad == {}


def test_the_look_at_docstrings_finds_each_kind():
    text = '''"""From a to b."""
X = 1
"""Of all of them."""
def f(a, b):
    """Which of both.

    Args:
        a: That it may take.
        b: Shape, in voxels.
        c: What it takes.

    Raises:
        ValueError: In vain.
    """
'''
    assert fragments_of(text) == [
        *("From a to b.", "Of all of them.", "Which of both.", "a: That it may take."),
        "c: What it takes.",
    ]
    assert "c: What it takes." not in fragments_of(text, is_of_package=False)
