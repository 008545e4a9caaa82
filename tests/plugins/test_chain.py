"""What three packages bring, which pip installed, goes through the whole chain."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ricenet_v2.cli import evaluate, explain, plan_and_preprocess, predict, report, train
from ricenet_v2.core import documents, plugins
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.preprocessing.cohort import preprocess_dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import FurtherChange, PluginUse
from ricenet_v2.reporting.plan.options import all_options
from ricenet_v2.store.images import read_grid, read_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths
from tests.plugins.installed import EXAMPLES, SMALL, install_with_pip, on_path

pytestmark = pytest.mark.walk

NETWORK = ("ricenet_example_network", "0.1.0")
PRESET_AND_NETWORK = (
    PluginUse("presets", "plain", *NETWORK),
    PluginUse("networks", "plain_cnn", *NETWORK),
)
CHANGE = PluginUse("augmentations", "bias_field", "ricenet_example_augmentation", "0.2.0")
READER = PluginUse("readers", "npz", "ricenet_example_reader", "0.3.1")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A folder of the packages as pip installs them."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("site")
    install_with_pip(tmp_path_factory.mktemp("sources"), folder)
    with on_path(folder):
        yield folder


FROM_ENTRY_POINTS = """
import sys
from ricenet_v2.core.plugins import installed
from ricenet_v2.evaluation.further_metrics import METRICS
from ricenet_v2.planning.presets import PRESETS
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.augmentations import AUGMENTATIONS
from ricenet_v2.records.normalisation import SCHEMES
from ricenet_v2.store.readers import READERS

for door in (ARCHITECTURES, PRESETS, AUGMENTATIONS, SCHEMES, METRICS, READERS):
    for plugin in installed(door.group):
        door[plugin.name]
        module = sys.modules[plugin.entry.module]
        print(door.group, plugin.name, plugin.origin, module.__file__)
"""


def test_a_fresh_process_gets_what_pip_installed(examples):
    command = [sys.executable, "-c", FROM_ENTRY_POINTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" ", 4) for line in done.stdout.splitlines()]
    assert {tuple(row[:4]) for row in rows} >= {
        ("networks", "plain_cnn", *NETWORK),
        ("presets", "biased", CHANGE.package, CHANGE.version),
        ("augmentations", "bias_field", CHANGE.package, CHANGE.version),
        ("normalisation", "percentile", CHANGE.package, CHANGE.version),
        ("metrics", "kappa", READER.package, READER.version),
        ("readers", "npz", READER.package, READER.version),
    }
    assert {row[2] for row in rows if row[4].startswith(str(examples))} == set(EXAMPLES)


@pytest.fixture(scope="module")
def workspace(examples, tmp_path_factory):
    """A cohort of .npz images that was planned by the preset `plain` and trained."""
    from ricenet_example_reader import write

    workspace = tmp_path_factory.mktemp("chain")
    raw = workspace / "raw" / NAME
    write_cohort(raw, seed=1, **SMALL)
    for file in [*raw.glob("images*/*.nii.gz"), *raw.glob("masks*/*.nii.gz")]:
        write(file.with_name(file.name.replace(".nii.gz", ".npz")), *read_image(file))
        file.unlink()
    described = json.loads((raw / "dataset.json").read_text())
    (raw / "dataset.json").write_text(json.dumps(described | {"file_ending": ".npz"}))
    where = ["--workspace", str(workspace)]
    planning = ["--preset", "plain", "--num_workers", "1"]
    assert plan_and_preprocess.main([NAME, *where, *planning]) == 0
    settings = ("iterations_per_epoch=1", "augmentation.p_bias_field=0.75")
    settings += ("augmentation.bias_field.strength=0.3",)
    options = [part for each in settings for part in ("--set", each)]
    options += ["--epochs", "1", "--device", "cpu", "-p", "plain"]
    assert train.main([NAME, "all", *where, *options]) == 0
    return workspace


@pytest.fixture(scope="module")
def evaluated(workspace):
    """The cohort with metrics that were computed while the packages were installed."""
    named = [NAME, "-p", "plain", "--workspace", str(workspace), "--n_bootstrap", "20"]
    assert evaluate.main(named) == 0
    return workspace


@pytest.fixture
def source(workspace):
    """Arguments of a command that reads the test case and one fold of the model."""
    model = dataset_paths(NAME, workspace).run("plain", "all").folder
    images = workspace / "raw" / NAME / "imagesTs"
    return ["-i", str(images), "-m", str(model), "--device", "cpu", "-f", "0"]


def test_plan_and_run_say_which_packages_they_need(workspace):
    paths = dataset_paths(NAME, workspace)
    plan = documents.read(Plan, paths.plan("plain"))
    assert plan.network.architecture == "plain_cnn"
    assert plan.network.settings == {"slope": 0.2}
    assert plan.plugins == (*PRESET_AND_NETWORK, READER)
    model = paths.run("plain", "all")
    trained = documents.read(Plan, model.plan)
    changes = trained.training.augmentation.further
    assert changes == {"bias_field": FurtherChange(0.75, {"strength": 0.3})}
    assert set(trained.plugins) == {*PRESET_AND_NETWORK, CHANGE, READER}
    versions = json.loads(model.fold(0).run.read_text())["versions"]
    assert {use.package: use.version for use in trained.plugins}.items() <= versions.items()


def test_it_predicts_and_explains(workspace, source, tmp_path):
    assert predict.main([*source, "-o", str(tmp_path / "predicted")]) == 0
    quick = ["--window_mm", "80", "--untrained", "0"]
    assert explain.main([*source, "-o", str(tmp_path / "explained"), *quick]) == 0
    maps = list((tmp_path / "explained").rglob("*occlusion*.nii.gz"))
    image = next((workspace / "raw" / NAME / "imagesTs").glob("*.npz"))
    assert maps
    assert read_grid(maps[0]).distance(read_grid(image)) < 1e-3


def test_the_metric_and_all_packages_are_in_the_metrics_and_the_report(workspace, capsys):
    model = dataset_paths(NAME, workspace).run("plain", "all")
    named = [NAME, "-p", "plain", "--workspace", str(workspace)]
    assert evaluate.main([*named, "--n_bootstrap", "100"]) == 0
    assert "Cohen's kappa" in capsys.readouterr().out
    metrics = json.loads((model.crossval / "metrics.json").read_text())
    (kappa,) = (each for each in metrics["metrics"] if each["name"] == "Cohen's kappa")
    assert kappa["package"] == "ricenet_example_reader 0.3.1"
    table = np.asarray(metrics["confusion"], dtype=float)
    n, chance = table.sum(), (table.sum(0) @ table.sum(1)) / table.sum() ** 2
    expected = None if chance == 1 else pytest.approx((table.trace() / n - chance) / (1 - chance))
    assert kappa["value"] == expected
    assert [each for each in metrics["metrics"] if "package" in each] == [kappa]
    assert report.main([*named, "--num_workers", "1"]) == 0
    text = " ".join((model.folder / "report" / "index.html").read_text().split())
    for words in (
        "The 3D plain CNN has",
        "1 convolutions, kernels",
        "Further settings of the network: slope = 0.2.",
        "a smooth bias field (75 %; strength = 0.3)",
        "ricenet_example_network 0.1.0 (networks: plain_cnn)",
        "ricenet_example_reader 0.3.1 (readers: npz)",
        "Cohen&#39;s kappa",
    ):
        assert words in text, words


@pytest.mark.usefixtures("processes_for_little_work")
def test_other_processes_use_the_packages_too(workspace, tmp_path):
    raw = load_raw_dataset(workspace / "raw" / NAME)
    plan = documents.read(Plan, dataset_paths(NAME, workspace).plan("plain"))
    result = preprocess_dataset(raw, plan, tmp_path, num_workers=2)
    assert result.failed == {}
    assert len(result.done) == 13


@pytest.fixture
def uninstalled(examples, monkeypatch):
    """The packages are gone during the test."""
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(examples)])
    plugins.forget()
    yield
    monkeypatch.undo()
    plugins.forget()


@pytest.mark.usefixtures("uninstalled")
def test_without_the_packages_the_commands_name_them_and_their_versions(
    workspace, source, tmp_path, capsys
):
    where = ["-o", str(tmp_path / "out")]
    training = [NAME, "0", "-p", "plain", "--workspace", str(workspace), "--device", "cpu"]
    for command in (
        lambda: predict.main([*source, *where]),
        lambda: explain.main([*source, *where]),
        lambda: train.main(training),
    ):
        assert command() == 2
        error = capsys.readouterr().err
        assert error.count("ricenet_example_network==0.1.0") == 1
        assert "ricenet_example_reader==0.3.1" in error
    with pytest.raises(DatasetError, match="install the package that reads it"):
        read_image(next((workspace / "raw" / NAME / "imagesTs").glob("*.npz")))


@pytest.mark.usefixtures("uninstalled")
def test_without_the_packages_results_are_shown_and_what_is_lost_is_named(evaluated, caplog):
    named = [NAME, "-p", "plain", "--workspace", str(evaluated)]
    model = dataset_paths(NAME, evaluated).run("plain", "all")
    metrics = json.loads((model.crossval / "metrics.json").read_text())
    assert "Cohen's kappa" in {metric["name"] for metric in metrics["metrics"]}
    assert evaluate.main([*named, "--n_bootstrap", "20"]) == 0
    (said,) = (r.getMessage() for r in caplog.records if r.levelname == "WARNING")
    assert f"{model.crossval / 'metrics.json'} has Cohen's kappa, which ricenet_example" in said
    assert "pip install ricenet_example_reader==0.3.1" in said
    caplog.clear()
    assert report.main([*named, "--num_workers", "1"]) == 1
    said = " ".join(r.getMessage() for r in caplog.records if r.levelname == "WARNING")
    assert said.count("ricenet_example_network 0.1.0 (networks: plain_cnn)") == 1
    assert "ricenet_example_reader 0.3.1 (readers: npz)" in said
    assert "ricenet_example_network==0.1.0" in said.split("pip install")[1]


def test_the_page_of_a_plan_offers_the_presets_that_are_installed(examples):
    offered, explained = all_options()[-1]
    assert offered == "--preset auto|paper|resenc_l|small|biased|plain"
    assert "plain of ricenet_example_network 0.1.0" in explained


def test_the_command_offers_the_presets(examples, capsys):
    with pytest.raises(SystemExit):
        plan_and_preprocess.main(["--help"])
    offered = "{auto,paper,resenc_l,small,biased,plain}"
    assert offered in "".join(capsys.readouterr().out.split())
