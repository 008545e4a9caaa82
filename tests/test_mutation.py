"""The mutation job: which tests it runs for a module, what it changes, and what it leaves alone."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.mutation.equivalent import EQUIVALENT, Equivalent, reasons
from benchmarks.mutation.nearest import nearest

ROOT = Path(__file__).parents[1]
SOURCE = """
@cached(1)
def chosen(values: tuple[int, 2], limit: float = 3.0) -> float | None:
    log.warning("told", limit=limit)
    if not values and limit > 3:
        raise ValueError("at most", 4)
    return max(values)
"""


@pytest.fixture
def tree(tmp_path):
    """Two modules, one of which imports the other, and tests in three folders."""
    files = {
        "ricenet_v2/low/under/lonely.py": "",
        "ricenet_v2/low/deep.py": "",
        "ricenet_v2/low/near.py": "from ricenet_v2.low import deep",
        "ricenet_v2/low/alone.py": "",
        "tests/low/test_near.py": "from ricenet_v2.low.near import a",
        "tests/low/test_deep.py": "def test():\n    import ricenet_v2.low.deep",
        "tests/low/test_other.py": "from ricenet_v2.low import near",
        "tests/high/test_far.py": "from ricenet_v2.low.near import a",
        "tests/test_direct.py": "from ricenet_v2.low.deep import a",
        "ricenet_v2/low/helped.py": "",
        "tests/low/helper.py": "from tests.low import further",
        "tests/low/further.py": "from ricenet_v2.low import helped\nfrom tests.low import helper",
        "tests/low/test_helped.py": "",
        "tests/low/test_through.py": "from tests.low.helper import a",
        "tests/package/__init__.py": "from ricenet_v2.low import helped",
        "tests/package/test_package.py": "from tests.package import a",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_tests_of_a_module_come_first_then_those_of_what_imports_it(tree):
    low = tree / "ricenet_v2" / "low"
    assert nearest(tree, low / "deep.py") == [
        *("tests/low/test_deep.py", "tests/low/test_near.py", "tests/low/test_other.py"),
        "tests/test_direct.py",
    ]
    assert nearest(tree, low / "near.py") == [
        *("tests/low/test_near.py", "tests/low/test_other.py", "tests/high/test_far.py"),
    ]


def test_a_test_imports_what_its_helper_modules_do(tree):
    tests = [
        "tests/low/test_helped.py",
        "tests/low/test_through.py",
        "tests/package/test_package.py",
    ]
    assert nearest(tree, tree / "ricenet_v2" / "low" / "helped.py") == tests


def test_a_module_that_no_test_imports_has_those_of_its_folder(tree):
    names = ("deep", "helped", "near", "other", "through")
    for name in ("alone.py", "under/lonely.py"):
        found = nearest(tree, tree / "ricenet_v2" / "low" / name)
        assert sorted(found) == [f"tests/low/test_{name}.py" for name in names]


def test_every_module_of_the_job_has_tests():
    for place in ("planning", "preprocessing", "inference", "evaluation"):
        for path in (ROOT / "ricenet_v2" / place).rglob("*.py"):
            assert nearest(ROOT, path), path


def test_signs_between_parameters_are_no_products():
    pytest.importorskip("cosmic_ray")
    from benchmarks.mutation.operators import positions

    source = "def area(a, /, *, b, **rest):\n    return a * b\n"
    assert list(positions(source)) == [("ReplaceBinaryOperator_Mul_Div", 1, 2)]


def test_one_thing_is_changed_at_a_time_but_no_type_decorator_or_text_of_an_error():
    pytest.importorskip("cosmic_ray")
    from benchmarks.mutation.operators import changed, positions

    made = {}
    for name, occurrence, _ in positions(SOURCE):
        lines = zip(
            SOURCE.splitlines(), changed(SOURCE, name, occurrence).splitlines(), strict=True
        )
        ((old, new),) = [(a.strip(), b.strip()) for a, b in lines if a != b]
        made.setdefault(old, set()).add(" ".join(new.split()))
    assert made == {
        "def chosen(values: tuple[int, 2], limit: float = 3.0) -> float | None:": {
            f"def chosen(values: tuple[int, 2], limit: float = {value}) -> float | None:"
            for value in (4.0, 2.0)
        },
        'log.warning("told", limit=limit)': {"pass", 'log.warning("told")'},
        "if not values and limit > 3:": {
            "if values and limit > 3:",
            "if not not values and limit > 3:",
            "if not values or limit > 3:",
            "if not values and limit >= 3:",
            "if not values and limit < 3:",
            "if not values and limit > 4:",
            "if not values and limit > 2:",
        },
        'raise ValueError("at most", 4)': {"pass"},
        "return max(values)": {"return min(values)"},
    }


LISTED = Equivalent(
    *("low/near.py", "Opposite"), "return max(values)", "return min(values)", "values are alike"
)


def test_each_line_of_an_equivalent_change_stands_in_its_module():
    for entry in EQUIVALENT:
        assert entry.lines(ROOT), entry
        assert len(entry.reason.split()) > 3, entry


def test_a_listed_change_is_one_that_can_be_made(tree):
    pytest.importorskip("cosmic_ray")
    assert len(reasons(ROOT)) == len(EQUIVALENT)
    module = tree / "ricenet_v2" / "low" / "near.py"
    module.write_text(SOURCE)
    assert reasons(tree, (LISTED,)) == {("ricenet_v2/low/near.py", "Opposite", 0): LISTED.reason}
    for wrong in (
        {"line": "return max(those)"},
        {"becomes": "return max()"},
        {"operator": "AddNot"},
    ):
        with pytest.raises(ValueError, match="0 changes"):
            reasons(tree, (dataclasses.replace(LISTED, **wrong),))
    module.write_text(SOURCE + SOURCE)
    with pytest.raises(ValueError, match="2 changes"):
        reasons(tree, (LISTED,))


def test_explained_survivors_are_counted_apart(tree):
    pytest.importorskip("cosmic_ray")
    from benchmarks.mutation.__main__ import Mutant, refuted, report

    (tree / "ricenet_v2" / "low" / "near.py").write_text(SOURCE)
    opposite, killed, survivor = (
        Mutant("ricenet_v2/low/near.py", "0", *which)
        for which in (("Opposite", 0, 7), ("AddNot", 0, 5), ("DeleteStatement", 1, 6))
    )
    tried = {opposite: "", killed: "test_a", survivor: ""}
    equivalent = {opposite.place: LISTED.reason, killed.place: "wrongly listed"}
    lines = report(tried, equivalent, tree)
    assert lines[0] == "survived: ricenet_v2/low/near.py:6 DeleteStatement"
    assert lines[2] == "equivalent: ricenet_v2/low/near.py:7 Opposite"
    assert lines[3].split() == ["-", "return", "max(values)", "+", "return", "min(values)"]
    assert lines[4:] == [
        "    because values are alike",
        "1 killed, 1 survived, 1 equivalent (explained)",
        "33.3 %: 1 of 3, all changes",
        "50.0 %: 1 of 2, those that show",
    ]
    assert report({}, {}, tree)[1:] == ["no score", "no score"]
    assert refuted(tried, equivalent) == [
        f"{killed.key} is listed as equivalent, and test_a fails",
    ]
