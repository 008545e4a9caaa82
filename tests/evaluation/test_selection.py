"""Evaluation finds out from the files whether its cases chose the epoch."""

import dataclasses
import shutil

import pytest

from ricenet_v2.cli.evaluate_tables import show
from ricenet_v2.core import documents
from ricenet_v2.evaluation.aligned_runs import model_of
from ricenet_v2.evaluation.selection import selection_of, with_selection
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.metrics import Evaluation, Metric
from ricenet_v2.records.run import Run
from ricenet_v2.store import tables
from ricenet_v2.store.paths import ModelPaths


@pytest.fixture
def model(tmp_path, make_plan):
    """Two folds of six epochs by a plan that stops early."""
    paths, plan = ModelPaths(tmp_path / "auto__all"), make_plan()
    training = dataclasses.replace(plan.training, early_stop_epochs=2)
    documents.write(paths.plan, dataclasses.replace(plan, training=training))
    for fold in (0, 1):
        run = Run("D", "auto", "", fold, ("mri",), 0, "cpu", 6, "finished", 0, (), {})
        documents.write(paths.fold(fold).run, run)
    return paths


def _record(model, fold, **changes):
    run = documents.read(Run, model.fold(fold).run)
    documents.write(model.fold(fold).run, dataclasses.replace(run, **changes))


def test_folds_that_ended_early_are_found(model):
    _record(model, 0, epochs_done=3)
    _record(model, 1, epochs_done=6)
    assert selection_of(model).endswith("ended fold 0 after 3 of 6 epochs.")


def test_older_runs_are_read_by_their_history(model):
    _record(model, 1, epochs_done=6)
    tables.write_rows(model.fold(0).history, [{"epoch": n} for n in range(4)])
    assert selection_of(model).endswith("ended fold 0 after 4 of 6 epochs.")


def test_whole_folds_and_models_without_a_plan_are_not_flattered(model):
    for fold in (0, 1):
        _record(model, fold, epochs_done=6)
    assert selection_of(model) == ""
    model.plan.unlink()
    assert selection_of(model) == ""


def test_it_is_printed_below_the_metrics(capsys):
    metric = Metric("macro F1", 0.5, 0.25, 0.75, 4, "by hand")
    made = Evaluation("t", ("a", "b"), 4, 4, ((1, 1), (1, 1)), (metric,), 0.95, 10, 0)
    show(dataclasses.replace(made, selection="Chosen on these cases."))
    assert "Chosen on these cases." in capsys.readouterr().out
    show(made)
    assert "Chosen on these cases." not in capsys.readouterr().out


def test_all_that_rests_on_out_of_fold_predictions_says_so(model):
    made = Calibration(1.0, None, None, 4, 4, "", {}, (), ())
    for fold in (0, 1):
        _record(model, fold, epochs_done=6)
    assert with_selection(made, [model]).note == made.note
    _record(model, 0, epochs_done=3)
    assert with_selection(made, [model]).note == f"{selection_of(model)} {made.note}"
    other = ModelPaths(model.folder.parent / "other")
    shutil.copytree(model.folder, other.folder)
    note = with_selection(made, [model, other]).note
    assert f"{model.folder.name}: {selection_of(model)} other: {selection_of(model)}" in note


def test_a_run_that_is_a_model_is_told_from_predictions(model, tmp_path):
    assert model_of(str(model.folder), None).folder == model.folder
    table = tmp_path / "predictions.csv"
    table.write_text("case_id,predicted\n", encoding="utf-8")
    assert model_of(str(table), None) is None
    assert model_of("nothing", None) is None
