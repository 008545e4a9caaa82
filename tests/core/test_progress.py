"""Progress where nobody watches a bar: few lines, at the right moments."""

import logging

import pytest

from ricenet_v2.core import progress


class Clock:
    """Runs on only when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def lines_of(caplog, seconds, total):
    """What is logged of items that take so many seconds each."""
    clock = Clock()
    with caplog.at_level(logging.INFO, logger="ricenet_v2"):
        for each in progress.told(seconds, "predicting", total, clock):
            clock.now += each
    return [record.getMessage() for record in caplog.records]


def test_a_short_step_is_silent(caplog):
    assert lines_of(caplog, [0.04] * 100, 100) == []


def test_each_tenth_makes_a_line_with_the_time_left(caplog):
    told = lines_of(caplog, [2.0] * 40, 40)
    assert told[0] == "predicting: 4 of 40, 8 s, about 1 min 12 s left"
    assert told[-1] == "predicting: 40 of 40, 1 min 20 s"
    assert len(told) == 10


def test_a_slow_step_makes_a_line_every_half_minute(caplog):
    told = lines_of(caplog, [10.0] * 1000, 1000)
    assert told[0] == "predicting: 3 of 1000, 30 s, about 2 h 46 min left"
    assert len(told) == pytest.approx(1000 * 10 / 30, rel=0.1)


def test_lines_are_never_close_together(caplog):
    assert len(lines_of(caplog, [1.0] * 20, 20)) == 4


def test_an_unknown_number_is_counted(caplog):
    assert lines_of(caplog, [31.0, 31.0], None) == [
        "predicting: 1, 31 s",
        "predicting: 2, 1 min 2 s",
    ]


def test_items_pass_through_and_steps_with_lines_of_their_own_stay_silent(caplog, monkeypatch):
    monkeypatch.setattr(progress, "_SOON", 0.0)
    with caplog.at_level(logging.INFO, logger="ricenet_v2"):
        assert list(progress.track([3, 4], "epochs", has_own_lines=True)) == [3, 4]
        assert caplog.records == []
        assert list(progress.track((n for n in (3, 4)), "converting", total=2)) == [3, 4]
        assert len(caplog.records) == 2
        assert list(progress.track([5], "converting")) == [5]
    assert caplog.records[-1].getMessage() == "converting: 1 of 1, 0 s"
