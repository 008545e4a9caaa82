"""What packages bring is listed from their metadata, and only one package brings a name."""

import sys

import pytest

from ricenet_v2.core import plugins
from ricenet_v2.core.errors import GeometryError, PluginError
from ricenet_v2.core.plugins import Door
from tests.plugins.installed import write_metadata

GROUP = {"ricenet_v2.things": {"third": "brings_things:THIRD"}}


@pytest.fixture
def door():
    return Door("things", "thing", int, {"first": 1, "second": 2})


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """A function that installs a package with one module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def bring(text="THIRD = 3\n", package="brings_things", groups=GROUP, version="1.2"):
        (tmp_path / f"{package}.py").write_text(text)
        write_metadata(tmp_path, package, version, groups)
        plugins.forget()

    yield bring
    plugins.forget()
    sys.modules.pop("brings_things", None)


def test_what_is_built_in_needs_no_package(door):
    assert door["second"] == 2
    assert list(door.names) == ["first", "second"]
    assert door.plugin("second") is None


def test_names_are_listed_without_importing_anything(door, bring):
    bring("raise AssertionError('imported')\n")
    assert list(door.names) == ["first", "second", "third"]
    assert "third" in door.names
    assert door.plugin("third").origin == "brings_things 1.2"
    assert "brings_things" not in sys.modules


def test_a_package_adds_a_name(door, bring):
    bring()
    assert door["third"] == 3


def test_an_unknown_name_lists_the_others(door, bring):
    bring()
    with pytest.raises(PluginError, match=r"no thing 'fourth'[\s\S]*first, second, third"):
        door["fourth"]
    assert door.get("fourth") is None


@pytest.mark.parametrize(
    "text",
    ["raise ValueError('broken inside')\n", "import no_such_module\n", "import sys; sys.exit(3)\n"],
)
def test_a_package_that_cannot_be_imported_is_named(door, bring, text):
    bring(text)
    with pytest.raises(PluginError, match=r"third of brings_things 1\.2 cannot be imported"):
        door["third"]
    assert door.get("third") is None
    assert door["first"] == 1


def test_a_name_that_is_not_in_the_module_is_an_error(door, bring):
    bring("FOURTH = 4\n")
    with pytest.raises(PluginError, match=r"brings_things 1\.2 cannot be imported[\s\S]*THIRD"):
        door["third"]


def test_what_is_no_specification_is_refused(door, bring):
    bring("THIRD = 'three'\n")
    with pytest.raises(PluginError, match=r"has the wrong type[\s\S]*builtins\.int[\s\S]*got: str"):
        door["third"]


def test_two_packages_of_one_name_are_both_named(door, bring):
    bring()
    bring(package="brings_more", version="7")
    with pytest.raises(PluginError, match=r"third is ambiguous[\s\S]*brings_more 7, brings_things"):
        door["third"]
    assert door["first"] == 1


def test_a_package_cannot_take_a_name_of_the_program(door, bring):
    bring(groups={"ricenet_v2.things": {"first": "brings_things:THIRD"}})
    with pytest.raises(PluginError, match=r"first is ambiguous[\s\S]*ricenet_v2 itself, brings_th"):
        door["first"]
    assert door["second"] == 2


def test_errors_of_its_code_name_the_package_and_those_of_the_program_stay(door, bring):
    bring()
    with (
        pytest.raises(PluginError, match=r"third of brings_things 1\.2 cannot count[\s\S]*KeyErr"),
        door.blamed("third", "cannot count"),
    ):
        raise KeyError("x")
    with pytest.raises(PluginError) as caught, door.blamed("third", "does", "Look first."):
        raise KeyError("x")
    assert caught.value.remedy == (
        "Look first. Update the package (pip install --upgrade brings_things), or report this to "
        "its authors."
    )
    with pytest.raises(GeometryError), door.blamed("third", "cannot count"):
        raise GeometryError("no grid")
    with pytest.raises(KeyError), door.blamed("first", "cannot count"):
        raise KeyError("x")
