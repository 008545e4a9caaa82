"""Curves and table of the folds."""

import numpy as np

from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.report.results.sources import Fold
from ricenet_v2.report.results.training import FOLD_COLUMNS, fold_rows, training_charts


def _fold(number, losses, status="finished"):
    run = Run("D", "auto", "", number, ("mri",), 3, "cpu", 9, status, 1, ("ricenet_train",), {})
    rows = tuple(
        EpochRow(n, 1e-3, loss, loss, 0.5, 0.5, 30.0, 0.0) for n, loss in enumerate(losses)
    )
    return Fold(number, run, rows)


def test_the_strong_line_is_the_median_as_far_as_all_folds_came():
    folds = [_fold(0, [3.0, 2.0, 1.0]), _fold(1, [5.0, 4.0]), _fold(2, [4.0, 4.0, 4.0])]
    chart = training_charts(folds)[0]
    drawn = [line.get_xydata() for line in chart.axes.get_lines()]
    np.testing.assert_array_equal(drawn[-1], [(1, 4), (2, 4)])
    assert [len(points) for points in drawn] == [3, 2, 3, 2]


def test_no_epoch_no_chart():
    assert training_charts([_fold(0, [])]) == []


def test_the_table():
    row = dict(zip(FOLD_COLUMNS, fold_rows([_fold(4, [0.5, 0.25], "stopped")])[0], strict=True))
    assert row == {
        "fold": "4",
        "state": "stopped",
        "epochs": "2 of 9",
        "best epoch": "2",
        "validation loss": "0.25",
        "time": "1 min",
        "device": "cpu",
        "seed": "3",
    }
