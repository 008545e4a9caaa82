"""Variance over training seeds, on folders as training leaves them."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.seeds import (
    read_trainings,
    sd_factors,
    spreads_of,
    variance,
    with_spreads,
    write_seeds,
)
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.run import Run
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.records.splits import Fold
from ricenet_v2.store.paths import SEEDS_JSON, DatasetPaths
from ricenet_v2.store.seeds import folder_seed, seed_models
from ricenet_v2.store.tables import read_rows, write_rows

NAME = "Dataset005_Seeds"
RUN = Run(NAME, "auto", "plan", 0, ("mri",), 0, "cpu", 2, "finished", 0, (), {}, n_folds=2)
OPTIONS = EvaluationOptions(1, n_bootstrap=20)
_LABELS = {f"c{fold}{case}": "ab"[case % 2] for fold in range(2) for case in range(10)}
_PATIENTS = {case: f"p{case[1:]}" for case in _LABELS}
_SIDES = [tuple(case for case in _LABELS if case[1] == fold) for fold in "01"]
HASHES = [Fold(_SIDES[1 - fold], _SIDES[fold]).hash_with(_LABELS, _PATIENTS) for fold in range(2)]


def _train(paths: DatasetPaths, seed: int, own: int | None, **changes: object) -> None:
    """Two folds of ten cases, whose scores depend on the seed."""
    model = paths.run("auto", "all", own)
    for fold in range(2):
        random = np.random.default_rng([seed, fold])
        rows = []
        for case in range(10):
            score = float(np.clip(0.3 + 0.3 * (case % 2) + 0.2 * random.normal(), 0.01, 0.99))
            rows.append(
                {
                    "case_id": f"c{fold}{case}",
                    "patient_id": f"p{fold}{case}",
                    "label": "ab"[case % 2],
                    "prob_a": 1 - score,
                    "prob_b": score,
                }
            )
        write_rows(model.fold(fold).validation, rows)
        known = {"fold_hash": HASHES[fold], **changes}
        run = dataclasses.replace(RUN, fold=fold, seed=seed, **known)
        documents.write(model.fold(fold).run, run)


@pytest.fixture
def paths(tmp_path):
    """Seeds 0 to 2; the first lies where a training without seeds does."""
    roots = (tmp_path / name / NAME for name in ("raw", "preprocessed", "results"))
    made = DatasetPaths(NAME, *roots)
    for seed in range(3):
        _train(made, seed, seed or None)
    return made


def _read(paths, *seeds):
    return read_trainings(NAME, "auto", "all", paths.raw.parent.parent, seeds)


def _accuracies(paths):
    found = []
    for seed in range(3):
        model = paths.run("auto", "all", seed or None)
        rows = [r for fold in range(2) for r in read_rows(model.fold(fold).validation)]
        found.append(np.mean([(float(r["prob_b"]) > 0.5) == (r["label"] == "b") for r in rows]))
    return found


def test_mean_and_deviation_are_over_the_seeds_and_intervals_over_patients(paths):
    made = variance(_read(paths), OPTIONS)
    assert made.seeds == (0, 1, 2)
    assert made.models == ("auto__all", "auto__all__seed1", "auto__all__seed2")
    accuracy = next(figure for figure in made.figures if figure.name == "accuracy")
    values = _accuracies(paths)
    assert accuracy.values == pytest.approx(values)
    assert accuracy.mean == pytest.approx(np.mean(values))
    assert accuracy.sd == pytest.approx(np.std(values, ddof=1))
    assert (accuracy.lowest, accuracy.highest) == pytest.approx((min(values), max(values)))
    assert all(
        low < value < high
        for low, value, high in zip(accuracy.lows, values, accuracy.highs, strict=True)
    )
    assert "AUROC within folds" in {figure.name for figure in made.figures}
    assert "says nothing of other patients" in made.meaning


def test_cases_that_are_not_called_alike_are_counted(paths):
    calls = [[], [], []]
    for seed in range(3):
        for fold in range(2):
            rows = read_rows(paths.run("auto", "all", seed or None).fold(fold).validation)
            calls[seed] += [float(row["prob_b"]) > 0.5 for row in rows]
    differ = sum(len(set(each)) > 1 for each in zip(*calls, strict=True))
    assert 0 < differ < 20
    assert variance(_read(paths), OPTIONS).n_calls_differ == differ


def test_the_interval_of_a_deviation_is_that_of_the_table_of_chi_square():
    """Quantiles of two degrees of freedom: 0.0506 and 7.378."""
    assert sd_factors(3) == pytest.approx(((2 / 7.378) ** 0.5, (2 / 0.0506) ** 0.5), rel=1e-3)


def test_what_is_written_comes_back(paths):
    trainings = _read(paths, 2, 0)
    made = variance(trainings, OPTIONS)
    write_seeds(trainings.folder, made)
    assert trainings.folder == paths.run().crossval
    assert documents.read(SeedVariance, trainings.folder / SEEDS_JSON) == made
    row = next(r for r in read_rows(trainings.folder / "seeds.csv") if r["figure"] == "accuracy")
    values = _accuracies(paths)
    assert [float(row["seed_0"]), float(row["seed_2"])] == pytest.approx([values[0], values[2]])


@pytest.mark.parametrize("seeds", [(0, 0), (0, 3), (1,)])
def test_seeds_that_are_not_there_or_doubled_are_refused(paths, seeds):
    with pytest.raises(DatasetError, match="several seeds") as caught:
        _read(paths, *seeds)
    assert "trained: 0, 1, 2" in str(caught.value.got)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 3}, "number of epochs"),
        ({"plan_hash": "other"}, "plan and settings"),
        ({"fold_hash": "other"}, "cases of a fold"),
    ],
)
def test_trainings_that_differ_in_more_than_the_seed_are_refused(paths, changes, told):
    for fold in range(2):
        file = paths.run("auto", "all", 2).fold(fold).run
        documents.write(file, dataclasses.replace(documents.read(Run, file), **changes))
    with pytest.raises(DatasetError, match="More than the seed differs") as caught:
        _read(paths)
    assert caught.value.got == f"another {told}"
    assert len(_read(paths, 0, 1).models) == 2


def test_a_model_trained_with_another_seed_keeps_its_folder(tmp_path, caplog):
    """Seed 5 lies in the folder without a name; seed 0 then gets one of its own."""
    paths = DatasetPaths(NAME, tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert [folder_seed(paths, "auto", "all", seed) for seed in (0, 1)] == [None, 1]
    _train(paths, 5, None)
    assert [folder_seed(paths, "auto", "all", seed) for seed in (0, 5)] == [0, None]
    _train(paths, 0, 0)
    found = seed_models(paths, "auto", "all")
    assert {seed: model.folder.name for seed, model in found.items()} == {
        0: "auto__all__seed0",
        5: "auto__all",
    }
    file = paths.run().fold(1).run
    documents.write(file, dataclasses.replace(documents.read(Run, file), seed=6))
    assert list(seed_models(paths, "auto", "all")) == [0]
    assert "auto__all has folds of several seeds: 5, 6." in caplog.text


def _pair(figure: str, difference: float | None, b: str = "small__all") -> Pair:
    ends = (None, None)
    return Pair(figure, "auto__all", b, 0.8, 0.7, difference, *ends, "t", 0.1, 0.1, 20, "few")


def _compared(*pairs: Pair) -> Comparison:
    runs = ("auto__all", "small__all", "auto__all__seed1")
    return Comparison(runs, ("a", "b"), "b", 20, 20, (), pairs, 0.95, 20, 0)


def test_a_difference_within_the_spread_over_seeds_is_warned_of(paths):
    trainings = _read(paths)
    write_seeds(trainings.folder, made := variance(trainings, OPTIONS))
    shutil.copytree(paths.run().folder, paths.results / "small__all")
    names = {name: name for name in ("auto__all", "small__all", "auto__all__seed1")}
    spreads = spreads_of(names, paths)
    assert spreads == dict.fromkeys(("auto__all", "auto__all__seed1"), made)
    accuracy = next(figure for figure in made.figures if figure.name == "accuracy")
    width = accuracy.highest - accuracy.lowest
    assert width > 0
    within, beyond, unknown, seeds = with_spreads(
        _compared(
            _pair("accuracy", -0.9 * width),
            _pair("accuracy", 1.1 * width),
            _pair("accuracy", None),
            _pair("accuracy", 0.1, "auto__all__seed1"),
        ),
        spreads,
    ).pairs
    ends = f"({accuracy.lowest:.3f} to {accuracy.highest:.3f})"
    told = f"no more than the 3 training seeds of auto__all differ by {ends}"
    assert within.warning == f"few; {told}"
    assert beyond.warning == unknown.warning == "few"
    assert seeds.warning == "few; the runs differ only in their training seed, one of 3"
    # Once the model was trained again, nothing is known of its seeds.
    _train(paths, 7, None)
    assert "auto__all" not in spreads_of(names, paths)
