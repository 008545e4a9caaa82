"""Errors say what a newcomer to the Python interface can do, in Python."""

import dataclasses
import importlib
import inspect
import re
import shutil
from pathlib import Path

import pytest

import ricenet_v2 as rn
from ricenet_v2.api import public
from ricenet_v2.core.command import invoked
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.store.workspace import dataset_paths

FUNCTIONS = [name for name in rn.__all__ if inspect.isfunction(getattr(rn, name))]
CLI = Path(rn.__file__).parent / "cli"


@pytest.fixture
def small(planned_cohort, tmp_path):
    """A workspace whose dataset has a plan `small` alone."""
    space = tmp_path / "space"
    for name in ("raw", "preprocessed"):
        shutil.copytree(planned_cohort / name, space / name)
    paths = dataset_paths(NAME, space)
    paths.plan().rename(paths.plan("small"))
    return space


@pytest.mark.parametrize(
    "call",
    [
        lambda space: rn.preprocess(1, workspace=space),
        lambda space: rn.train(1, 0, workspace=space),
        lambda space: rn.benchmark(1, workspace=space),
    ],
)
def test_the_plans_that_exist_are_named_where_another_is_missing(small, call):
    with pytest.raises(rn.TrainingError, match="no plan 'auto'") as caught:
        call(small)
    assert caught.value.expected == "a plan that exists: small"
    assert "Pass --plan small, or run ricenet_plan_and_preprocess" in caught.value.remedy
    assert "--plan: plan=...; ricenet_plan_and_preprocess: rn.plan, rn.preprocess" in str(
        caught.value
    )


def test_what_is_not_planned_at_all_is_planned_by_the_preset_that_is_named(raw_cohort):
    with pytest.raises(rn.TrainingError, match="not planned and split yet") as caught:
        rn.train(1, 0, plan="small", workspace=raw_cohort)
    assert caught.value.remedy == "Run ricenet_plan_and_preprocess 1 --preset small first."
    assert "--preset: rn.PlanOptions(preset=...)" in str(caught.value)


@pytest.mark.parametrize("call", [rn.predict, rn.explain])
def test_a_model_that_is_not_there_is_told_from_one_without_folds(trained_cohort, tmp_path, call):
    images, out = tmp_path, tmp_path / "out"
    missing = rn.model_folder(1, plan="small", workspace=trained_cohort)
    with pytest.raises(rn.CheckpointError, match="no such model folder") as caught:
        call(images, out, missing)
    assert "There are: auto__all; --plan and --channels" in caught.value.remedy
    assert "--plan: rn.model_folder(..., plan=...)" in str(caught.value)
    with pytest.raises(rn.OptionError, match=r"Invalid value for model[\s\S]*rn\.model_folder"):
        call(images, out, 1)


def test_metrics_of_a_model_that_is_not_there_name_the_models_that_are(trained_cohort):
    for call in (rn.evaluate, rn.calibrate, rn.evaluate_seeds):
        with pytest.raises(rn.DatasetError) as caught:
            call(1, plan="small", workspace=trained_cohort)
        assert "There are: auto__all" in caught.value.remedy
        assert "--continue: rn.TrainOptions(resume=True)" in str(caught.value)
        assert "--channels: channels=..." in str(caught.value)


def test_the_folds_that_there_are_can_be_passed(planned_cohort):
    with pytest.raises(rn.OptionError, match="'full'") as caught:
        rn.train(1, "all", workspace=planned_cohort)
    assert "rn.train_folds" in caught.value.remedy
    with pytest.raises(rn.TrainingError, match="no such fold") as absent:
        rn.train(1, 7, workspace=planned_cohort)
    assert absent.value.expected == "0 to 2, or full"
    assert "ricenet_train: rn.train, rn.train_folds" in str(absent.value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_refuses_what_is_of_no_use_in_each_place(name, tmp_path):
    """Each argument but numbers, which have tests of their own."""
    function = getattr(rn, name)
    parameters = inspect.signature(function).parameters.values()
    given = {"fold": 0, "runs": ["a", "b"], "covariates": ["age"], "name": "A", "case_id": "A"}
    needed = {p.name: given.get(p.name, tmp_path) for p in parameters if p.default is p.empty}
    judged = {
        each.name
        for each in parameters
        if not re.match(r"(int|float|Shape|Triple)\b", each.annotation)
    }
    if name == "read_image":  # says itself what an image is
        with pytest.raises(rn.DatasetError, match="This is not an image"):
            function(object())
        return
    assert judged or name == "progress_bars"
    for argument in sorted(judged):
        with pytest.raises(rn.OptionError, match=f"^Invalid value for {argument}"):
            function(**{**needed, argument: object()})


def test_a_command_says_nothing_of_python(raw_cohort):
    with invoked(["ricenet_train"]), pytest.raises(rn.TrainingError) as caught:
        rn.train(1, 0, workspace=raw_cohort)
    assert "from Python" not in str(caught.value)


def test_options_are_those_of_the_command_before_them_else_of_the_function():
    text = "Run ricenet_train 1 all --continue. Or use --continue, --no_tta or -f."
    assert public.in_python(text, rn.explain) == (
        "ricenet_train: rn.train, rn.train_folds; --continue: resume=True; -f: folds=..."
    )
    assert public.in_python("Leave out --no_tta and -f.", rn.predict) == (
        "--no_tta: rn.PredictOptions(mirror=False); -f: rn.PredictOptions(folds=...)"
    )
    assert public.in_python("A larger --window_mm.", rn.explain) == (
        "--window_mm: rn.OcclusionSettings(window_mm=...)"
    )
    assert public.in_python("Delete ricenet_plan.json.", rn.plan) == ""
    assert public.in_python("Save it as UTF-8, x-y, -3 or --.", rn.predict) == ""


def test_the_tables_of_words_name_options_and_arguments_that_exist():
    arguments = set()
    for name in rn.__all__:
        thing = getattr(rn, name)
        if inspect.isfunction(thing):
            arguments |= set(inspect.signature(thing).parameters)
        elif dataclasses.is_dataclass(thing):
            arguments |= {field.name for field in dataclasses.fields(thing)}
    words = {**public.ARGUMENTS, **public.OPPOSITES}
    assert set(words.values()) <= arguments
    sources = "".join(file.read_text(encoding="utf-8") for file in CLI.glob("*.py"))
    assert set(words) <= set(re.findall(r'"--?([a-z]\w*)"', sources))
    assert {each for names in public.FUNCTIONS.values() for each in names} <= set(rn.__all__)
    project = (CLI.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    scripts = re.findall(r'^ricenet_(\w+) = "', project, re.MULTILINE)
    assert sorted(public.FUNCTIONS) == sorted(scripts)


def test_short_options_are_the_arguments_that_commands_make_of_them():
    taken = {}
    for name in public.FUNCTIONS:
        parser = importlib.import_module(f"ricenet_v2.cli.{name}").build_parser()
        for action in parser._actions:
            for option in action.option_strings:
                if re.fullmatch("-[a-z]", option) and option != "-h":
                    taken.setdefault(option[1:], set()).add(action.dest)
    assert set(taken) == {option for option in public.ARGUMENTS if len(option) == 1}
    assert all(public.ARGUMENTS[option] in names for option, names in taken.items()), taken
