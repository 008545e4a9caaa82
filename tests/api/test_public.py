"""What `import ricenet_v2` gives, and what it leaves as it was."""

import ast
import dataclasses
import importlib
import inspect
import io
import json
import logging
import pickle
import pkgutil
import random
import shutil
import subprocess
import sys
import typing
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import ricenet_v2 as rn
from ricenet_v2 import plugins
from ricenet_v2.core import documents
from ricenet_v2.core.locks import using
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training import fold as fold_module

HOUSE = Path(rn.__file__)


def test_the_import_loads_nothing_heavy_and_lists_its_names():
    code = (
        "import sys, ricenet_v2 as rn\n"
        "assert set(rn.__all__) <= set(dir(rn))\n"
        "heavy = {'torch', 'numpy', 'SimpleITK', 'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "rn.RicenetError\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.walk
def test_a_specification_of_a_plugin_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from ricenet_v2 import plugins\n"
        "assert set(plugins.__all__) <= set(dir(plugins))\n"
        "plugins.ArchitectureSpecification, plugins.Preset, plugins.AugmentationSpecification\n"
        "plugins.NormalisationSpecification, plugins.PRESETS\n"
        "heavy = {'torch', 'SimpleITK', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", [rn, plugins])
def test_every_public_name_is_there_and_no_package_hides_one(module):
    packages = {each.name for each in pkgutil.iter_modules([HOUSE.parent])}
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert not packages & set(module.__all__)
    with pytest.raises(AttributeError, match=rf"{module.__name__}' has no attribute 'train_fold'"):
        module.train_fold  # noqa: B018


@pytest.mark.parametrize("module", [rn, plugins])
def test_type_checkers_see_the_same_names(module):
    """The block under TYPE_CHECKING, the table of modules and `__all__` agree."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module.removeprefix("ricenet_v2.")
        for node in block.body
        for alias in node.names
    }
    assert seen == module._MODULES
    assert sorted(seen) == sorted({*module.__all__} - {"__version__"})


@pytest.fixture
def caller(monkeypatch):
    """A script with seeds, threads, a path and a command line of its own."""
    # Commands in this process show what is logged.
    monkeypatch.setattr(logging.getLogger("ricenet_v2"), "handlers", [])
    monkeypatch.setattr(sys, "argv", ["study.py", "--password", "hunter2"])
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    random.seed(7)
    yield lambda: {
        "torch": hash(tuple(torch.get_rng_state().tolist())),
        "numpy": hash(tuple(np.random.get_state()[1].tolist())),  # noqa: NPY002
        "random": hash(random.getstate()),
        "threads": torch.get_num_threads(),
        "cudnn": torch.backends.cudnn.benchmark,
        "path": sys.path.copy(),
        "folder": Path.cwd(),
    }
    torch.set_num_threads(threads)


@pytest.mark.walk
@pytest.mark.usefixtures("small_work")
def test_a_script_gets_records_and_keeps_all_that_is_its_own(
    raw_cohort, tmp_path, caller, capfd, monkeypatch
):
    space, before = tmp_path / "space", caller()
    (space / "raw").mkdir(parents=True)
    (space / "raw" / NAME).symlink_to(raw_cohort / "raw" / NAME)
    plan = rn.plan(1, workspace=space)
    assert plan == documents.read(Plan, dataset_paths(NAME, space).plan("auto"))
    assert rn.preprocess(1, workspace=space).failed == {}
    # What CUDA is to begin with is noted there, also on a machine without it.
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail(f"seeds {seed}"))
    options = rn.TrainOptions(epochs=1, overrides={"iterations_per_epoch": "1"}, num_workers=0)
    run = rn.train(1, 0, options, workspace=space, device="cpu", num_threads=1)
    assert (run.fold, run.status, run.command) == (0, "finished", ())
    model = rn.model_folder(1, workspace=space)
    images = _images_of_one_case(space / "raw" / NAME, tmp_path / "one")
    predictions = rn.predict(images, space / "out", model, device="cpu")
    assert not predictions.failed
    maps = rn.ExplanationOptions(kinds=("hirescam",), untrained=0)
    assert rn.explain(images, space / "maps", model, maps, device="cpu").cases
    assert caller() == before
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""
    written = [path for path in space.rglob("*") if path.is_file() and path.suffix != ".gz"]
    assert not [path for path in written if b"hunter2" in path.read_bytes()]


def _images_of_one_case(raw, folder):
    """A folder with the images of the first test case, beside that of its masks."""
    first = min((raw / "imagesTs").iterdir()).name.split("_")[0]
    for name in ("imagesTs", "masksTs"):
        (folder / name).mkdir(parents=True)
        for file in (raw / name).glob(f"{first}_*"):
            shutil.copy(file, folder / name)
    return folder / "imagesTs"


def test_what_cannot_be_done_is_an_exception_with_its_parts(raw_cohort, tmp_path, capfd):
    with pytest.raises(rn.RicenetError) as caught:
        rn.train(1, 0, workspace=raw_cohort)
    assert "ricenet_plan_and_preprocess 1" in caught.value.remedy
    with pytest.raises(rn.RicenetError, match="No predictions to evaluate"):
        rn.evaluate()
    assert capfd.readouterr() == ("", "")


def test_a_script_may_watch_the_steps_and_the_progress(raw_cohort, tmp_path, monkeypatch):
    space, steps, stream = tmp_path / "space", [], io.StringIO()
    (space / "raw").mkdir(parents=True)
    (space / "raw" / NAME).symlink_to(raw_cohort / "raw" / NAME)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("ricenet_v2.core.progress._SOON", 0.0)  # seconds between two lines
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # in a notebook it is a bar
    with rn.progress_bars():
        rn.plan(1, workspace=space, observer=steps.append)
    assert [type(step).__name__ for step in steps] == [
        "Integrity", "FoldAssignment", "Fingerprint", "Plan", "PlanCost",
    ]  # fmt: skip
    assert "Measuring cases: 20 of 20" in stream.getvalue()


@pytest.mark.parametrize("text", ["<script>alert(1)</script>"])
def test_records_show_themselves_without_running_what_they_hold(text):
    finding = {"severity": "error", "check": text, "case": "", "file": ""}
    finding |= {"found": text, "expected": "", "remedy": ""}
    shown = rn.Integrity(text, 1, 1, (finding,))._repr_html_()
    assert text not in shown
    assert "&lt;script&gt;" in shown


def _space(raw_cohort, tmp_path):
    space = tmp_path / "space"
    (space / "raw").mkdir(parents=True)
    shutil.copytree(raw_cohort / "raw" / NAME, space / "raw" / NAME)
    return space


def test_a_preview_trains_nothing_and_says_so_wherever_the_script_goes(
    planned_cohort, tmp_path, monkeypatch
):
    space = shutil.copytree(planned_cohort, tmp_path / "space")
    monkeypatch.chdir(tmp_path)
    seen, real = [], fold_module.draw_preview

    def elsewhere(*arguments):
        monkeypatch.chdir("/")
        seen.append(real(*arguments))

    monkeypatch.setattr(fold_module, "draw_preview", elsewhere)
    options = rn.TrainOptions(preview_only=True, num_workers=0)
    run = rn.train(1, 0, options, workspace="space", device="cpu")
    assert (run.status, run.is_finished) == ("previewed", False)
    fold = rn.model_folder(1, workspace=space) / "fold_0"
    assert seen
    assert [path.name for path in fold.iterdir()] == ["augmentation.png"]


def test_the_log_of_a_fold_is_whole_and_the_loggers_of_the_caller_are_as_before(
    planned_cohort, tmp_path, monkeypatch, capfd
):
    """Other packages give the root logger a handler when they log to it."""
    space = shutil.copytree(planned_cohort, tmp_path / "space")
    root, package = logging.getLogger(), logging.getLogger("ricenet_v2")
    for logger in (root, package):
        monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(package, "level", logging.NOTSET)
    options = rn.TrainOptions(epochs=1, overrides={"iterations_per_epoch": 1}, num_workers=1)
    rn.train(1, 0, options, workspace=space, device="cpu")
    assert (root.handlers, package.handlers) == ([], [])
    assert (package.level, package.propagate) == (logging.NOTSET, True)
    log = rn.model_folder(1, workspace=space) / "fold_0" / "training_log.txt"
    assert "epoch 1 of 1" in log.read_text()
    assert "epoch 1 of 1" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        ("PlanOptions", {"precision": "foo"}),
        ("PlanOptions", {"spacing": (10, 11)}),
        ("PlanOptions", {"batch_size": 0}),
        ("PlanOptions", {"patch_size": 3}),
        ("TrainOptions", {"epochs": 0}),
        ("TrainOptions", {"channels": "dose"}),
        ("PredictOptions", {"combine": "foo"}),
        ("PredictOptions", {"folds": 0}),
        ("MetricOptions", {"n_bootstrap": 0}),
        ("MetricOptions", {"sensitivities": (2.0,)}),
        ("MetricOptions", {"seed": -1}),
        ("ExplanationOptions", {"kinds": ("foo",)}),
        ("ConvertOptions", {"check": "foo"}),
        ("OcclusionSettings", {"window_mm": 0}),
        ("AblationOptions", {"request": {"epoch": 3}}),
        ("AblationOptions", {"by": "foo"}),
        ("BudgetRequest", {"epochs": 0}),
        ("TrainingMachine", {"threads": 0}),
    ],
)
def test_a_wrong_option_is_named_when_the_record_is_made(record, wrong):
    with pytest.raises(rn.OptionError, match=f"{record}.*{next(iter(wrong))}") as caught:
        getattr(rn, record)(**wrong)
    assert caught.value.expected
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "call",
    [
        lambda space: rn.plan(1, workspace=space, num_workers=0),
        lambda space: rn.train(1, "all", workspace=space),
        lambda space: rn.train(1, 0, workspace=space, num_threads=0),
        lambda space: rn.train_folds(1, seeds=[], workspace=space),
        lambda space: rn.train_folds(1, [-1], workspace=space),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_done(planned_cohort, call):
    with pytest.raises(rn.OptionError):
        call(planned_cohort)


def test_every_record_of_options_is_checked_when_it_is_made():
    """Those that functions take as `options`, and what these hold."""
    records = set()
    for name in rn.__all__:
        if inspect.isfunction(function := getattr(rn, name)):
            hints = typing.get_type_hints(function)
            records |= set(typing.get_args(hints.get("options"))) - {type(None)}
    fields = {kind for each in records for kind in typing.get_type_hints(each).values()}
    records |= {kind for kind in fields if dataclasses.is_dataclass(kind)}
    assert {rn.PlanOptions, rn.BudgetRequest, rn.OcclusionSettings} <= records
    for each in records:
        with pytest.raises(rn.OptionError, match=f"{each.__name__}.*no_such_option"):
            each(no_such_option=1)


def test_options_take_numbers_as_settings_and_can_be_changed():
    given = {"learning_rate": 0.01, "grad_clip": 12, "deterministic": True, "loss": "focal"}
    texts = {"learning_rate": "0.01", "grad_clip": "12", "deterministic": "true", "loss": "focal"}
    options = rn.TrainOptions(overrides=given)
    assert options.overrides == texts
    hint = typing.get_type_hints(rn.TrainOptions)["overrides"]
    assert hint == Mapping[str, str | float]  # what type checkers take
    assert dataclasses.replace(options, epochs=3).epochs == 3
    assert pickle.loads(pickle.dumps(options)) == options


def test_an_error_of_the_check_travels_with_its_findings(raw_cohort, tmp_path):
    space = _space(raw_cohort, tmp_path)
    next((space / "raw" / NAME / "imagesTr").glob("*_0000.nii.gz")).unlink()
    with pytest.raises(rn.IntegrityError) as caught:
        rn.plan(1, workspace=space)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.integrity == caught.value.integrity
    assert again.integrity.errors
    assert caught.value.with_parts(case="X").case == "X"


def test_a_plan_of_other_channels_preprocesses_nothing(raw_cohort, tmp_path):
    space = _space(raw_cohort, tmp_path)
    rn.plan(1, workspace=space)
    file = space / "raw" / NAME / "dataset.json"
    fields = json.loads(file.read_text())
    fields["channels"][0], fields["channels"][1] = fields["channels"][1], fields["channels"][0]
    file.write_text(json.dumps(fields))
    with pytest.raises(rn.PlanError, match="made for another"):
        rn.preprocess(1, workspace=space)
    assert not list(dataset_paths(NAME, space).cases("auto").glob("*.b2nd"))


def test_loading_a_model_leaves_the_random_generator_as_it_was(trained_cohort):
    before = torch.get_rng_state()
    rn.load_model(rn.model_folder(1, workspace=trained_cohort), device="cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_networks_are_combined_in_no_way_that_there_is_not(trained_cohort):
    """Any word but `mean` was a vote."""
    model = rn.load_model(rn.model_folder(1, workspace=trained_cohort), device="cpu")
    with pytest.raises(rn.OptionError, match=r"Invalid value for combine[\s\S]*'mean' or 'vote'"):
        model.predict(np.zeros((3, 4, 4, 4), np.float32), None, combine="average")


def test_hints_of_all_functions_resolve():
    for name in rn.__all__:
        if callable(getattr(rn, name)) and not isinstance(getattr(rn, name), type):
            assert typing.get_type_hints(getattr(rn, name))


def test_commands_that_only_write_hold_their_folder_too(tmp_path):
    for name, words in (
        ("demo", ["--output", str(tmp_path), "--generate_only", "--cases", "2"]),
        ("convert", ["medmnist3d", str(tmp_path / "a.npz"), str(tmp_path)]),
    ):
        module = importlib.import_module(f"ricenet_v2.cli.{name}")
        before = sorted(tmp_path.iterdir())
        with using(writes=[tmp_path]):
            assert module.main(words) == 2
        assert sorted(path for path in tmp_path.iterdir()) == before


NUMBERS = [
    (name, parameter.name)
    for name in rn.__all__
    if inspect.isfunction(function := getattr(rn, name))
    for parameter in inspect.signature(function).parameters.values()
    if {"int", "float"} & set(str(parameter.annotation).split(" | "))
]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
@pytest.mark.parametrize("wrong", [-1, float("nan"), True])
def test_a_wrong_number_is_named_before_anything_is_done(name, number, wrong, tmp_path):
    function, missing = getattr(rn, name), tmp_path / "missing"
    needed = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.name != number
    ]
    given = {"fold": 0, "runs": ["a", "b"], "covariates": ["age"]}
    with pytest.raises(rn.OptionError, match=number):
        function(**{key: given.get(key, missing) for key in needed}, **{number: wrong})
