"""The examples of the API page, in its order, and the page itself."""

import dataclasses
import doctest
import inspect

import pytest

import ricenet_v2 as rn
from benchmarks import api_page
from ricenet_v2 import plugins

PARSER = doctest.DocTestParser()


def test_the_page_is_not_stale():
    """`python -m benchmarks.api_page` writes it anew."""
    assert not api_page.stale()


def test_the_page_describes_every_type_of_its_signatures():
    words = api_page.PAGE.read_text(encoding="utf-8").partition(api_page.TYPES)[2]
    for name in (
        "Checkpoint", "DatasetInput", "Features", "ImageInput", "Observer", "PathInput", "Scanner",
        "Shape", "Triple", "Combine", "Metric",
    ):  # fmt: skip
        assert f"| `{name}` | " in words
    assert "| `Checkpoint` | `'final'`, `'best'`, `'latest'` |" in words
    assert "| `Share` | `float` from 0 to 1 |" in words
    assert "| `DatasetInput` | `str` or `int` or `Path`: Id, name or path of a raw" in words
    assert "rn.Ensemble.predict_case(\n    images: GivenImages," in api_page.PAGE.read_text()


@pytest.mark.walk
@pytest.mark.usefixtures("small_work")
def test_every_example_on_the_page_gives_what_it_says(tmp_path):
    names = {"rn": rn, "space": tmp_path}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for name in api_page.functions():
        example = api_page.example_of(getattr(rn, name))
        test = PARSER.get_doctest(example, names, name, None, 0)
        printed = []
        runner.run(test, out=printed.append, clear_globs=False)
        assert not runner.failures, "".join(printed)
        names = test.globs
    assert runner.tries > 30


@pytest.mark.parametrize("name", api_page.functions())
def test_every_function_has_an_example_and_says_what_it_takes_and_returns(name):
    function = getattr(rn, name)
    text = inspect.getdoc(function)
    assert api_page.example_of(function)
    for parameter in inspect.signature(function).parameters:
        assert f"    {parameter}: " in text
    if name != "progress_bars":
        assert "Returns:" in text
        assert "Raises:" in text


def test_every_name_for_plugins_is_on_their_page():
    names = [name for names in api_page.PLUGINS_CHAPTERS.values() for name in names]
    assert sorted(names) == sorted(plugins.__all__)


@pytest.mark.parametrize("name", plugins.__all__)
def test_every_name_for_plugins_says_what_its_fields_are(name):
    thing = getattr(plugins, name)
    fields = dataclasses.fields(thing) if isinstance(thing, type) else ()
    named = {field.name for field in fields}
    if inspect.isfunction(thing):
        named = set(inspect.signature(thing).parameters)
    assert named or name == "PRESETS"
    text = inspect.getdoc(thing)
    assert [each for each in named if f"    {each}: " not in text] == []


@pytest.mark.parametrize("name", api_page.records())
def test_every_record_says_what_its_fields_are(name):
    kind = getattr(rn, name)
    assert isinstance(kind, type)
    if issubclass(kind, Exception):
        assert issubclass(kind, rn.RicenetError)
        return
    text = inspect.getdoc(kind)
    for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        assert f"    {field.name}: " in text, field.name
