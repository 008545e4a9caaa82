"""Curves and table of the folds."""

import dataclasses

import numpy as np

from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.reporting.results.sources import TrainedFold
from ricenet_v2.reporting.results.training import (
    FOLD_COLUMNS,
    fold_rows,
    shortfall,
    training_charts,
    training_note,
)


def _fold(number, losses, status="finished"):
    run = Run("D", "auto", "", number, ("mri",), 3, "cpu", 9, status, 1, ("ricenet_train",), {})
    rows = tuple(
        EpochRow(n, 1e-3, loss, loss, 0.5, 0.5, 30.0, 0.0) for n, loss in enumerate(losses)
    )
    return TrainedFold(number, run, rows)


def test_the_strong_line_is_the_median_as_far_as_all_folds_came():
    folds = [_fold(0, [3.0, 2.0, 1.0]), _fold(1, [5.0, 4.0]), _fold(2, [4.0, 4.0, 4.0])]
    chart = training_charts(folds)[0]
    drawn = [line.get_xydata() for line in chart.axes.get_lines()]
    np.testing.assert_array_equal(drawn[-1], [(1, 4), (2, 4)])
    assert [len(points) for points in drawn] == [3, 2, 3, 2]


def test_no_epoch_no_chart():
    assert training_charts([_fold(0, [])]) == []


def test_the_table_has_the_loss_of_the_last_epoch_and_that_of_the_best():
    rows = fold_rows([_fold(4, [0.5, 0.25, 0.75], "stopped")], 250)
    row = dict(zip(FOLD_COLUMNS, rows[0], strict=True))
    assert row == {
        "fold": "4",
        "state": "stopped",
        "epochs": "3 of 9",
        "planned": "250",
        "validation loss, last epoch": "0.75",
        "best epoch": "2",
        "validation loss, best epoch": "0.25",
        "time": "1 min 30 s",
        "device": "cpu",
        "seed": "3",
    }


def test_without_a_best_epoch_it_has_no_loss():
    fold = _fold(0, [0.5])
    none = dataclasses.replace(fold, run=dataclasses.replace(fold.run, best_epoch=None))
    row = dict(zip(FOLD_COLUMNS, fold_rows([none])[0], strict=True))
    assert (row["best epoch"], row["validation loss, best epoch"]) == ("\N{EN DASH}", "\N{EN DASH}")


def test_fewer_epochs_than_planned_are_told():
    """Runs of 9 epochs; one was stopped after 2."""
    folds = [_fold(0, [1.0] * 9), _fold(1, [1.0] * 2, "stopped"), _fold(2, [1.0] * 9)]
    found = shortfall(folds, 10)
    assert found.text.endswith("fold 1, 2 of 10; folds 0 and 2, 9 of 10.")
    assert found.is_large
    assert not shortfall(folds[:1], 10).is_large
    assert shortfall(folds[:1], 9) is None
    assert shortfall(folds, None) is None


def test_a_fold_that_ended_early_says_so():
    folds = [_fold(0, [1.0] * 4), _fold(1, [1.0] * 9)]
    state = FOLD_COLUMNS.index("state")
    assert [row[state] for row in fold_rows(folds)] == ["finished early", "finished"]
    text = shortfall(folds, 20).text
    assert "fold 0, 4 of 20 (set to 9, ended early); fold 1, 9 of 20." in text


def test_what_the_charts_show_is_told_only_where_there_are_some():
    assert training_note([_fold(0, [])]) == ""
    assert "faint" not in training_note([_fold(0, [1.0])])
    assert "faint" in training_note([_fold(0, [1.0]), _fold(1, [1.0])])


def test_a_fold_that_ended_early_by_its_rule_lacks_nothing():
    assert shortfall([_fold(0, [1.0] * 4)], 9) is None


def test_a_fold_that_is_not_trained_has_its_row():
    rows = fold_rows([_fold(0, [1.0]), _fold(2, [1.0])], None, (1,))
    assert [row[:2] for row in rows] == [
        ("0", "finished early"),
        ("1", "not trained"),
        ("2", "finished early"),
    ]
    assert {len(row) for row in rows} == {len(FOLD_COLUMNS)}
