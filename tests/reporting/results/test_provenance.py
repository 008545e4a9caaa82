"""Commands as they may be shown."""

import dataclasses
from pathlib import Path

import pytest

from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.reporting.results.provenance import command_text, commands, versions
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["/usr/bin/ricenet_train", "1", "all"], "ricenet_train 1 all"),
        (["/x/ricenet_v2/cli/train.py", "1", "0"], "ricenet_train 1 0"),
        (["ricenet_report", "my data"], "ricenet_report 'my data'"),
        ([str(Path.home() / "bin" / "ricenet_train"), f"-o={Path.home()}/out"],
         "ricenet_train '-o=~/out'"),
        (["ricenet_train"], "ricenet_train"),
        ([], ""),
    ],
)  # fmt: skip
def test_the_home_folder_and_the_place_of_the_program_are_left_out(words, text):
    assert command_text(words) == text


def test_equal_commands_are_listed_once_and_files_without_one_not_at_all(simulated):
    paths = dataset_paths(NAME, simulated)
    read = read_sources(paths, "auto", "all", [simulated / "predictions"])
    own, folder = read.results
    made = dataclasses.replace(folder.predictions, command=("ricenet_demo",))
    metrics = dataclasses.replace(own.evaluation, command=("ricenet_demo",))
    other = dataclasses.replace(folder.evaluation, command=())
    results = (
        dataclasses.replace(own, evaluation=metrics),
        dataclasses.replace(folder, predictions=made, evaluation=other),
    )
    plan = dataclasses.replace(read.plan, command=())
    sources = dataclasses.replace(read, results=results, plan=plan)
    assert commands(sources, ["ricenet_report", "1"]) == [
        ("fold 0, 1, 2, 3, 4", "ricenet_train 1 all"),
        ("metrics, out-of-fold; predictions, folder predictions", "ricenet_demo"),
        ("this report", "ricenet_report 1"),
    ]


def test_the_command_of_the_plan_comes_first(simulated):
    read = read_sources(dataset_paths(NAME, simulated), "auto", "all", [])
    plan = dataclasses.replace(read.plan, command=("ricenet_plan_and_preprocess", "1"))
    rows = commands(dataclasses.replace(read, plan=plan), ["ricenet_report", "1"])
    assert rows[0] == ("plan", "ricenet_plan_and_preprocess 1")
    assert rows[-1] == ("this report", "ricenet_report 1")


def test_versions_are_those_that_are_installed():
    import numpy as np

    assert versions()["numpy"] == np.__version__
