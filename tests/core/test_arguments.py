"""Arguments of functions are compared with their annotations, and the error says what would do."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

from ricenet_v2.core.arguments import checked
from ricenet_v2.core.errors import OptionError
from ricenet_v2.core.options import options


@options
class CakeOptions:
    """Attributes:
    is_warm: No example.
    layers: An example.
    """

    is_warm: bool = False
    layers: int = 3


@checked
def bake(
    folder: str | Path,
    options: CakeOptions | None = None,
    *,
    names: Sequence[str] | None = None,
    shares: Mapping[str, float] | None = None,
    is_dry: bool = False,
    observer: Callable[[int], None] | None = None,
    slices: int | Literal["all"] = 1,
    seconds: float | None = None,
    toppings: Sequence[Literal["nuts", "plums"]] | None = None,
    icing: Literal["none", "sugar"] = "none",
) -> str:
    return f"{folder} {options}"


def test_what_fits_comes_through():
    assert bake("a") == "a None"
    assert (
        bake(Path("a"), CakeOptions(layers=2), names=["b"], is_dry=True)
        == f"a {CakeOptions(layers=2)}"
    )
    assert bake("a", toppings=("plums",))
    assert bake("a", names=range(3), shares={"a": 0.5}, observer=print, slices="most", seconds="x")


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ({"options": {"layers": 2}}, "options", r"record rn\.CakeOptions, e\.g\. .*\(layers=2\)"),
        ({"options": {"cherries": 2}}, "options", r"e\.g\. rn\.CakeOptions\(layers=3\) or None"),
        ({"options": CakeOptions}, "options", "CakeOptions"),
        ({"folder": 1}, "folder", "text or a path"),
        ({"folder": None}, "folder", "text or a path"),
        ({"names": "abc"}, "names", "a list or tuple or None"),
        ({"names": 3}, "names", "a list or tuple or None"),
        ({"shares": [1]}, "shares", "a dictionary or None"),
        ({"is_dry": "no"}, "is_dry", "True or False"),
        ({"toppings": ["nuts", "figs"]}, r"toppings\[1\]", "'nuts' or 'plums'"),
        ({"toppings": "nuts"}, "toppings", "a list or tuple or None"),
        ({"icing": "lemon"}, "icing", "'none' or 'sugar'"),
        ({"observer": "print"}, "observer", "a function or None"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_what_would(arguments, name, expected):
    with pytest.raises(OptionError, match=f"Invalid value for {name}[\\s\\S]*{expected}"):
        bake(**{"folder": "a", **arguments})


def test_the_record_of_another_function_is_named_by_its_class_alone():
    @options
    class BreadOptions:
        crust: str = "x" * 500

    with pytest.raises(OptionError) as caught:
        bake("a", BreadOptions())
    assert caught.value.got == "BreadOptions"


@pytest.mark.parametrize("call", [bake, lambda: bake("a", flour=1)])
def test_a_call_that_python_refuses_is_refused_by_python(call):
    with pytest.raises(TypeError, match=r"bake\(\)"):
        call()
