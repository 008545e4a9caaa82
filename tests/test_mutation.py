"""The mutation job: which tests it runs for a module, what it changes, and what it leaves alone."""

from pathlib import Path

import pytest

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


def test_a_module_that_no_test_imports_has_those_of_its_folder(tree):
    for name in ("alone.py", "under/lonely.py"):
        found = nearest(tree, tree / "ricenet_v2" / "low" / name)
        assert sorted(found) == [f"tests/low/test_{name}.py" for name in ("deep", "near", "other")]


def test_every_module_of_the_job_has_tests():
    for place in ("planning", "preprocessing", "inference", "evaluation"):
        for path in (ROOT / "ricenet_v2" / place).rglob("*.py"):
            assert nearest(ROOT, path), path


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
