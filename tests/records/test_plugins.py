"""A plan says which packages it needs, and a missing one is named with its version."""

import dataclasses
import json
import logging

import pytest

from ricenet_v2.core import documents, plugins
from ricenet_v2.core.errors import DocumentError, PluginError
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import PluginUse
from ricenet_v2.records.plugins import require, with_plugins
from tests.plugins.installed import write_metadata

NETWORKS = {"ricenet_v2.networks": {"wide": "brings_wide:WIDE"}}
USE = PluginUse("networks", "wide", "brings_wide", "1.2")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A function that installs the metadata of a package that brings a network."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def install(version="1.2", package="brings_wide", groups=NETWORKS):
        write_metadata(tmp_path / "site", package, version, groups)
        plugins.forget()

    yield install
    plugins.forget()


@pytest.fixture
def wide(make_plan):
    plan = make_plan()
    network = dataclasses.replace(plan.network, architecture="wide", settings={"n": 3, "on": True})
    return dataclasses.replace(plan, network=network)


def test_a_plan_without_plugins_is_written_as_before_there_were_any(make_plan):
    plan = with_plugins(make_plan())
    fields = json.loads(documents.to_text(plan))
    assert plan.plugins == ()
    assert "plugins" not in fields
    assert "settings" not in fields["network"]


def test_a_plan_records_what_brings_its_network(wide, installed, tmp_path):
    installed()
    plan = with_plugins(wide)
    assert plan.plugins == (USE,)
    assert documents.fingerprint_of(plan) == documents.fingerprint_of(wide)
    documents.write(tmp_path / "plan.json", plan)
    read = documents.read(Plan, tmp_path / "plan.json")
    assert read.plugins == plan.plugins
    assert read.network.settings == {"n": 3, "on": True}


def test_a_preset_stays_on_record_as_it_planned(wide, installed):
    presets = {"ricenet_v2.presets": {"mine": "brings_mine:MINE"}}
    installed("3", "brings_mine", presets)
    plan = with_plugins(dataclasses.replace(wide, preset="mine"))
    assert plan.plugins == (PluginUse("presets", "mine", "brings_mine", "3"),)
    installed("4", "brings_mine", presets)
    assert with_plugins(plan).plugins == plan.plugins


def test_a_missing_package_is_named_with_its_version(wide, tmp_path):
    plan = dataclasses.replace(wide, plugins=(USE,))
    with pytest.raises(PluginError, match=r"brings_wide 1\.2[\s\S]*pip install brings_wide==1\.2"):
        require(plan, tmp_path)
    preset = PluginUse("presets", "wide", "brings_wide", "1.2")
    require(dataclasses.replace(wide, plugins=(preset,)))  # it has planned already


def test_packages_are_compared_as_pip_does(wide, installed):
    installed(package="brings_wide")
    require(dataclasses.replace(wide, plugins=(dataclasses.replace(USE, package="Brings-Wide"),)))


def test_another_package_of_that_name_is_not_it(wide, installed):
    installed(package="brings_another")
    with pytest.raises(PluginError, match=r"expected: brings_wide 1\.2[\s\S]*brings_another 1\.2"):
        require(dataclasses.replace(wide, plugins=(USE,)))


def test_another_version_is_a_warning(wide, installed, caplog):
    plan = dataclasses.replace(wide, plugins=(USE,))
    installed()
    with caplog.at_level(logging.WARNING, "ricenet_v2"):
        require(plan)
        assert caplog.text == ""
        installed("2.0")
        require(plan)
    assert "brings_wide is used in version 2.0, and the plan was made with 1.2" in caplog.text


def test_a_plan_is_read_where_its_network_is_missing(wide, tmp_path):
    documents.write(tmp_path / "plan.json", wide)
    assert documents.read(Plan, tmp_path / "plan.json") == wide


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"architecture": "../wide"}, "cannot be part of a path"),
        ({"settings": {"a": {"b": 1}}}, "settings"),
        ({"settings": {"a": 1e300}}, "settings"),
        ({"settings": {str(n): n for n in range(65)}}, "settings"),
    ],
)
def test_what_no_network_can_be_is_refused(wide, tmp_path, change, fault):
    fields = json.loads(documents.to_text(wide))
    fields["network"] |= change
    (tmp_path / "plan.json").write_text(json.dumps(fields))
    with pytest.raises(DocumentError, match=fault):
        documents.read(Plan, tmp_path / "plan.json")


@pytest.mark.parametrize(
    "fields",
    [{"package": "x; rm -r ~"}, {"package": "-r/tmp/x"}, {"version": "1 && x"}, {"version": ""}],
)
def test_a_plan_cannot_put_a_command_into_a_message(wide, tmp_path, fields):
    whole = json.loads(documents.to_text(dataclasses.replace(wide, plugins=(USE,))))
    whole["plugins"][0] |= fields
    (tmp_path / "plan.json").write_text(json.dumps(whole))
    with pytest.raises(DocumentError, match=r"plugins\.0"):
        documents.read(Plan, tmp_path / "plan.json")
