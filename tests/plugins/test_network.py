"""A network and a preset of another package go through the whole chain."""

import json
import sys

import pytest

from ricenet_v2.cli import evaluate, explain, plan_and_preprocess, predict, report, train
from ricenet_v2.core import documents, plugins
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import PluginUse
from ricenet_v2.store.paths import dataset_paths

SMALL = {"cases": 12, "test_cases": 1, "shape": (12, 14, 12), "spacing": (14.0, 13.0, 14.0)}


@pytest.fixture(scope="module")
def workspace(examples, tmp_path_factory):
    """A cohort that was planned by the preset of a plugin and trained with its network."""
    workspace = tmp_path_factory.mktemp("network")
    write_cohort(workspace / "raw" / NAME, seed=1, **SMALL)
    common = [NAME, "--workspace", str(workspace)]
    assert plan_and_preprocess.main([*common, "--preset", "plain", "--num_workers", "1"]) == 0
    short = ["--epochs", "1", "--set", "iterations_per_epoch=1", "--device", "cpu", "-p", "plain"]
    assert train.main([NAME, "all", *short, *common[1:]]) == 0
    return workspace


def test_the_plan_says_what_brings_its_network(workspace):
    plan = documents.read(Plan, dataset_paths(NAME, workspace).plan("plain"))
    assert plan.network.architecture == "plain_cnn"
    assert plan.network.settings == {"slope": 0.2}
    assert plan.plugins == (
        PluginUse("presets", "plain", "ricenet_example_network", "0.1.0"),
        PluginUse("networks", "plain_cnn", "ricenet_example_network", "0.1.0"),
    )


def test_it_predicts_explains_and_reports(workspace, tmp_path):
    model = dataset_paths(NAME, workspace).run("plain", "all")
    run = json.loads(model.fold(0).run.read_text())
    assert run["versions"]["ricenet_example_network"] == "0.1.0"
    images = workspace / "raw" / NAME / "imagesTs"
    source = ["-i", str(images), "-m", str(model.folder), "--device", "cpu", "-f", "0"]
    assert predict.main([*source, "-o", str(tmp_path / "predicted")]) == 0
    quick = ["--window_mm", "80", "--untrained", "0"]
    assert explain.main([*source, "-o", str(tmp_path / "explained"), *quick]) == 0
    named = [NAME, "-p", "plain", "--workspace", str(workspace)]
    assert evaluate.main([*named, "--n_bootstrap", "50"]) == 0
    assert report.main([*named, "--num_workers", "1"]) == 0
    pages = [page.read_text() for page in (model.folder / "report").rglob("index.html")]
    assert any("3D plain CNN" in page for page in pages)


@pytest.fixture
def uninstalled(examples, monkeypatch):
    """The packages are gone during the test."""
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(examples)])
    plugins.forget()
    yield
    monkeypatch.undo()
    plugins.forget()


@pytest.mark.usefixtures("uninstalled")
def test_without_the_package_the_commands_name_it_and_its_version(workspace, tmp_path, capsys):
    model = dataset_paths(NAME, workspace).run("plain", "all").folder
    images = workspace / "raw" / NAME / "imagesTs"
    source = ["-i", str(images), "-m", str(model), "-o", str(tmp_path / "out"), "--device", "cpu"]
    named = [NAME, "--workspace", str(workspace)]
    for command in (
        lambda: predict.main(source),
        lambda: explain.main(source),
        lambda: train.main([named[0], "0", "-p", "plain", *named[1:], "--device", "cpu"]),
    ):
        assert command() == 2
        assert "pip install ricenet_example_network==0.1.0" in capsys.readouterr().err


def test_the_command_offers_the_preset(examples, capsys):
    with pytest.raises(SystemExit):
        plan_and_preprocess.main(["--help"])
    assert "{auto,paper,resenc_l,small,plain}" in "".join(capsys.readouterr().out.split())
