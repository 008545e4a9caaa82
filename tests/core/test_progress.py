"""Progress where nobody watches a bar: few lines, at the right moments."""

import contextlib
import io
import logging

import pytest

from ricenet_v2.core import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


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
        for each in progress.logged(seconds, "predicting", total, clock):
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


def test_a_step_of_many_parts_says_which_it_is_at_and_what_is_left_of_all(caplog):
    clock = Clock()
    step = progress.Progress("case 1", 40, clock)
    with caplog.at_level(logging.INFO, logger="ricenet_v2"), contextlib.closing(step):
        for part in ("dose", "T1"):
            step.description = f"case 1, {part}"
            for _ in range(2):
                clock.now += 10
                step.add(8)
        step.reach(40)
    assert [record.getMessage() for record in caplog.records] == [
        "case 1, dose: 8 of 40, 10 s, about 40 s left",
        "case 1, dose: 16 of 40, 20 s, about 30 s left",
        "case 1, T1: 24 of 40, 30 s, about 20 s left",
        "case 1, T1: 32 of 40, 40 s, about 10 s left",
    ]


def test_on_a_terminal_it_is_a_bar_that_goes_when_it_is_closed(monkeypatch, caplog):
    monkeypatch.setattr("sys.stderr", Terminal())
    with progress.on_terminal():
        step = progress.Progress("case 1", 4)
    step.description = "case 1, dose"
    step.add(3)
    step._bar.refresh()
    shown = progress.sys.stderr.getvalue()
    assert "case 1, dose:  75%" in shown
    assert "3/4" in shown
    step.close()
    assert progress.sys.stderr.getvalue().rsplit("\r", 2)[1].strip() == ""
    assert not caplog.records


def test_nothing_is_shown_on_a_terminal_unless_a_block_says_so(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(progress.track([3, 4], "epochs")) == [3, 4]
    assert terminal.getvalue() == ""
    with progress.progress_bars():
        assert list(progress.track([], "finished cases")) == []
        assert list(progress.track([3, 4], "epochs")) == [3, 4]
    assert "epochs: 100%" in terminal.getvalue()
    assert "finished" not in terminal.getvalue()  # nothing to do needs no bar


def test_what_is_no_terminal_gets_lines_where_progress_is_asked_for(monkeypatch, caplog):
    stream, clock = io.StringIO(), Clock()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_SOON", 0.0)
    # A command that ran in this process would listen.
    monkeypatch.setattr(logging.getLogger("ricenet_v2"), "handlers", [])
    logging.getLogger("ricenet_v2").setLevel(logging.NOTSET)

    def step(**options):
        each = progress.Progress("fold 0", 4, clock, **options)
        for _ in range(2):
            clock.now += 3
            each.add()

    with progress.on_terminal():
        step()
    assert stream.getvalue() == ""
    with progress.progress_bars():
        step()
        step(has_own_lines=True)
        list(progress.track([3], "epochs", has_own_lines=True))
    lines = ["fold 0: 1 of 4, 3 s, about 9 s left", "fold 0: 2 of 4, 6 s, about 6 s left"]
    assert stream.getvalue().splitlines() == [*lines, *lines, "epochs: 1 of 1, 0 s"]
    with caplog.at_level(logging.INFO, logger="ricenet_v2"), progress.progress_bars():
        step()
        step(has_own_lines=True)
    assert [record.getMessage() for record in caplog.records] == lines
    assert len(stream.getvalue().splitlines()) == 5


def test_what_was_done_before_says_nothing_of_the_time_left(caplog, monkeypatch):
    clock = Clock()
    step = progress.Progress("2 folds", 40, clock, initial=20)
    with caplog.at_level(logging.INFO, logger="ricenet_v2"):
        step.reach(20)
        clock.now += 60
        step.reach(30)
    assert caplog.records[-1].getMessage() == "2 folds: 30 of 40, 1 min 0 s, about 1 min 0 s left"


def test_in_a_notebook_bars_are_shown_though_it_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setitem(progress.sys.modules, "ipykernel", object())
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with progress.progress_bars():
        for _ in progress.track([3, 4], "folds"):
            inner = progress.Progress("epochs", 1, leave=True)
            inner.add()
            inner.finish()
            inner.close()
    assert "folds: 100%" in stream.getvalue()
    assert "epochs" not in stream.getvalue()  # it would take a cursor that goes up
    assert "\x1b[A" not in stream.getvalue()


def test_a_step_that_ends_early_is_done(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.progress_bars():
        step = progress.Progress("fold 0", 9, leave=True)
        step.add(3)
        step.finish()
        step.close()
    assert "3/3" in terminal.getvalue().rsplit("\r", 1)[1]
