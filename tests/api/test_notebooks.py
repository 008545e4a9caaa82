"""What records of results show of themselves in a notebook."""

import dataclasses
import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest

import ricenet_v2 as rn
from ricenet_v2.records.benchmark import Estimate, Machine, Stage
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.prediction import MemberPrediction
from ricenet_v2.store.paths import ModelPaths

GIVEN = {"Anatomy", "BudgetRequest", "Grid", "LabelModel", "OcclusionSettings", "TrainingMachine"}
"""What a user makes, beside options."""
CASES = (Case("A_l1", "A", "b", "train"), Case("A_l2", "A", "", "test"))
SCAN = SimpleNamespace(
    rows=[SimpleNamespace(verdict="volume"), SimpleNamespace(verdict="not used, small")], unread=[1]
)
PAIR = SimpleNamespace(
    metric="AUROC",
    a="auto__all",
    b="baseline",
    value_a=0.75,
    value_b=0.5,
    difference=0.25,
    low=0.1,
    high=0.4,
    p=0.0001,
    test="DeLong's test",
)
SHOWN = SimpleNamespace(_repr_html_=lambda: "<p>metrics</p>")
FITTED = SimpleNamespace(label="dose+covariates", columns=("D95", "age"))
PLAN = SimpleNamespace(
    name="auto", channels=[Channel("T1", "mri")], classes=("a", "b"), spacing=(2.0, 1.0, 1.0)
)
DATASET = Dataset("Dataset001_RICE", (Channel("T1", "mri"),), ("a", "b"))
RUN = SimpleNamespace(is_full=False, fold=3, seed=7, status="finished", hardware="", device="cpu")
FAULT = SimpleNamespace(case_id="B", line=4, what="no image")
BENCHMARK = rn.Benchmark(
    "Dataset001_RICE",
    "auto",
    "",
    2,
    Machine("cpu", "Xeon", None, None, 2, 1, {}),
    1,
    5,
    3,
    (Stage("update", "s", (0.5, 0.6), 0.55, "plain update", 0.5, 1.1, 1.25),),
    Estimate(2, 3, 5, 8, 30, 150),
)


@pytest.mark.parametrize(
    ("record", "parts"),
    [
        (
            rn.CohortResult(("A",), (), {"B": "no <mask>"}),
            ["<td>done</td><td>1</td>", "no &lt;mask&gt;"],
        ),
        (
            rn.TrainedFolds(ModelPaths(Path("auto__all")), (RUN,), {4: "lost"}),
            ["auto__all", "<td>7</td>", "Fold 4 failed: lost"],
        ),
        (
            rn.CasePrediction(
                "A", "b", (0.25, 0.75), (MemberPrediction(1, (0.5, 0.5)),), 0.1, 1.0, ("far",)
            ),
            ["A: b", "fold 1", "0.750", "far"],
        ),
        (rn.LesionCases(CASES, Path("x/cases_images.csv")), ["A_l2", "cases_images.csv"]),
        (
            rn.ScanDraft(SCAN, SimpleNamespace(rows=[1, 2]), 1, True),
            ["<td>not used</td><td>1</td>", "manifest: 2"],
        ),
        (
            rn.CohortDraft(
                SCAN,
                None,
                (SimpleNamespace(step="1", what="patients", number=9),),
                (),
                "rano",
                {"t": "T.csv"},
            ),
            ["rano", "patients", "T.csv"],
        ),
        (
            rn.ConversionResult(
                SimpleNamespace(done=("A",), skipped=(), failed=(FAULT,), cases=()), ("C",)
            ),
            ["<td>converted</td><td>1</td>", "B (line 4): no image"],
        ),
        (
            rn.TableConversion(
                Path("x"), DATASET, CASES, ("comma",), {"Z": "no image"}, ("f.nii",)
            ),
            [
                "<td>b</td><td>1</td>",
                "<td>no label</td><td>0</td><td>1</td>",
                "comma",
                "Z is left out",
                "f.nii",
            ],
        ),
        (
            rn.BaselineResult(FITTED, SHOWN, PAIR, "few cases"),
            ["D95, age", "0.250 (0.100 to 0.400)", "below 0.001", "few cases", "<p>metrics</p>"],
        ),
        (rn.BaselineResult(FITTED, SHOWN, None, "no networks"), ["no networks"]),
        (BENCHMARK, ["Xeon", "plain update", "1.100", "all 5 folds in turn 150 s"]),
        (
            rn.Ensemble(PLAN, DATASET, {0: None, 2: None}, "cpu", {}, warnings=("old",)),
            ["0, 2", "2 x 1 x 1", "old"],
        ),
    ],
)
def test_a_record_shows_what_it_holds(record, parts):
    shown = record._repr_html_()
    for part in parts:
        assert part in shown


def test_every_record_of_results_shows_itself():
    kinds = {name: getattr(rn, name) for name in rn.__all__}
    results = {
        name
        for name, kind in kinds.items()
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and not name.endswith("Options")
    }
    assert {name for name in results - GIVEN if not hasattr(kinds[name], "_repr_html_")} == set()
