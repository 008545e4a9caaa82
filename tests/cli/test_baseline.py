"""The command ricenet_baseline: files of a run, the same folds, the comparison."""

import shutil

import numpy as np
import pytest

from ricenet_v2.cli import baseline, compare, report
from ricenet_v2.core import documents
from ricenet_v2.core.errors import OptionError
from ricenet_v2.evaluation.radiomics import ibsi
from ricenet_v2.evaluation.tabular import regression
from ricenet_v2.evaluation.tabular.features import features_of
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


@pytest.fixture(autouse=True)
def _few_penalties(monkeypatch):
    monkeypatch.setattr(regression, "PENALTIES", (0.1, 1.0))


@pytest.mark.usefixtures("small_work")
def test_it_leaves_the_files_of_a_run_and_is_compared_in_one_line(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    paths, common = dataset_paths(NAME, workspace), ["--workspace", str(workspace)]
    few = ["--n_bootstrap", "50"]
    assert baseline.main([NAME, *common, *few]) == 0
    told = capsys.readouterr().out
    assert "AUROC of auto__all" in told
    assert "(paired permutation by patient, 20 cases)" in told
    model = paths.run("baseline", "dose+covariates")
    splits = documents.read(Splits, paths.splits)
    for number, fold in enumerate(splits.folds):
        rows = read_rows(model.fold(number).validation)
        assert tuple(row["case_id"] for row in rows) == fold.validation
        assert documents.read(Run, model.fold(number).run).status == "finished"
    made = documents.read(Evaluation, model.crossval / "metrics.json")
    assert (made.n_cases, made.positive_class) == (20, "recurrence")
    test = documents.read(Predictions, model.predictions / "predictions.json")
    assert (len(test.cases), len(test.cases[0].members)) == (3, FOLDS)
    columns = list(read_rows(model.features)[0])
    assert {"dose Dmean", "dose V60", "dose distance_95", "age"} <= set(columns)
    assert compare.main(["baseline__dose+covariates", "auto__all", "-d", NAME, *common, *few]) == 0

    out = tmp_path / "report"
    run = ["--plan", "baseline", "--channels", "dose+covariates"]
    shown = ["--predictions", str(model.predictions), "-o", str(out)]
    assert report.main([NAME, *common, *run, *shown]) == 0
    rows = read_rows(out / "data" / "cases.csv")
    told = [row["flags"] for row in rows if row["set"] == "predictions"]
    assert len(told) == 3
    assert all("same id" not in flags and "images" not in flags for flags in told)
    assert "are the mean of the probabilities of 3 " in (out / "index.html").read_text(
        encoding="utf-8"
    )

    assert baseline.main([NAME, *common, *few, "--features", "dose"]) == 0
    assert all(
        name.startswith("dose ")
        for name in documents.read(Run, paths.run("baseline", "dose").fold(0).run).channels
    )
    again = paths.run("baseline", "dose").fold(0).validation.read_text()
    # Of more folds than there are now.
    stale = paths.run("baseline", "dose").fold(7).folder
    shutil.copytree(paths.run("baseline", "dose").fold(0).folder, stale)
    assert baseline.main([NAME, *common, *few, "--features", "dose"]) == 0
    assert paths.run("baseline", "dose").fold(0).validation.read_text() == again
    assert not stale.exists()


def test_without_networks_it_is_not_compared(planned_cohort, tmp_path, capsys):
    workspace = shutil.copytree(planned_cohort, tmp_path / "space")
    line = [NAME, "--workspace", str(workspace), "--n_bootstrap", "50", "--features", "covariates"]
    assert baseline.main(line) == 0
    assert "Not compared with auto__all: There is no such run." in capsys.readouterr().out


def test_a_missing_lesion_mask_makes_all_use_the_high_dose_region(raw_cohort, tmp_path):
    folder = shutil.copytree(raw_cohort / "raw" / NAME, tmp_path / NAME)
    with_masks = features_of(load_raw_dataset(folder), ["dose"], tmp_path)
    next((folder / "masksTr").glob("*_lesion.nii.gz")).unlink()
    without = features_of(load_raw_dataset(folder), ["dose"], tmp_path)
    assert with_masks.columns == without.columns
    assert not np.array_equal(with_masks.values, without.values, equal_nan=True)
    shutil.rmtree(folder / "masksTr")
    shutil.rmtree(folder / "masksTs")
    none = features_of(load_raw_dataset(folder), ["dose"], tmp_path)
    np.testing.assert_array_equal(none.values, without.values)


def test_decimal_commas_are_the_same_numbers(planned_cohort, tmp_path, capsys):
    """Of a covariate with decimals, in a table as German spreadsheets write it."""
    shown = []
    for mark in ".,":
        workspace = shutil.copytree(planned_cohort, tmp_path / f"space{ord(mark)}")
        table = dataset_paths(NAME, workspace).raw / "cases.csv"
        rows = read_rows(table)
        for at, row in enumerate(rows):
            number = 40 + 20 * (row["label"] == "recurrence") + at % 7 + at / 100
            row["marker"] = f"{number:.2f}".replace(".", mark)
        write_rows(table, rows)
        line = [NAME, "--workspace", str(workspace), "--n_bootstrap", "50"]
        assert baseline.main([*line, "--features", "covariates"]) == 0
        model = dataset_paths(NAME, workspace).run("baseline", "covariates")
        assert "marker" in read_rows(model.features)[0]
        made = documents.read(Evaluation, model.crossval / "metrics.json")
        shown.append([(metric.name, metric.value, metric.low) for metric in made.metrics])
    assert shown[0] == shown[1]
    assert {name: value for name, value, _ in shown[0]}["AUROC"] == 1


def test_radiomic_features_are_selected_inside_the_folds(
    planned_cohort, tmp_path, capsys, monkeypatch
):
    """Of many features without a meaning few are kept, and those of them that have one."""
    workspace = shutil.copytree(planned_cohort, tmp_path / "space")
    paths = dataset_paths(NAME, workspace)
    labels = {case.case_id: case.label for case in load_raw_dataset(paths.raw).cases}
    names = [f"T1c_event lesion {name}" for name in (*ibsi.FIRST_ORDER, *ibsi.TEXTURE)]

    def radiomics_of(raw, cases, folder, num_workers):
        assert (folder, num_workers) == (paths.radiomics, 3)
        random = np.random.default_rng(0)
        rows = []
        for case in cases:
            row = dict(zip(names, random.normal(size=len(names)), strict=True))
            row["T1c_event lesion cm_corr"] += 6 * (labels[case.case_id] == "recurrence")
            row["T1c_event lesion cm_contrast"] = float("nan")
            rows.append(row)
        return rows

    monkeypatch.setattr("ricenet_v2.evaluation.tabular.features.radiomics_of", radiomics_of)
    line = [NAME, "--workspace", str(workspace), "--n_bootstrap", "50", "--num_workers", "3"]
    assert baseline.main([*line, "--features", "radiomics", "covariates"]) == 0
    model = paths.run("baseline", "radiomics+covariates")
    told = capsys.readouterr().out
    assert f"columns, see {model.features}" in told
    assert "Radiomic features kept, chosen in the same way: (4, 4, 4)" in told
    made = documents.read(Evaluation, model.crossval / "metrics.json")
    assert {m.name: m.value for m in made.metrics}["AUROC"] > 0.9
    (row,) = read_rows(model.fold(0).coefficients)
    assert sum(float(row[name]) != 0 for name in names) == 4
    assert float(row["T1c_event lesion cm_corr"]) > 0
    assert float(row["age"]) != 0


def test_without_the_package_of_radiomics_nothing_is_written(
    planned_cohort, tmp_path, capsys, monkeypatch
):
    workspace = shutil.copytree(planned_cohort, tmp_path / "space")
    monkeypatch.setattr("ricenet_v2.evaluation.radiomics.cases.ibsi.check_mirp", _missing)
    line = [NAME, "--workspace", str(workspace), "--features", "radiomics"]
    assert baseline.main(line) == 2
    assert "pip install '.[radiomics]'" in capsys.readouterr().err
    model = dataset_paths(NAME, workspace).run("baseline", "radiomics")
    assert not model.features.exists()


def _missing():
    raise OptionError("mirp is not installed.", remedy="pip install '.[radiomics]'")
