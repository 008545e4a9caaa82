"""Work that takes too long is given up, and nothing waits for it."""

import os
import pickle
import subprocess
import sys
import threading
import time

import pytest

from ricenet_v2.core.abandoned_threads import has_left_behind
from ricenet_v2.core.deadline import Limited, within
from ricenet_v2.core.errors import LateError
from ricenet_v2.core.files import replacing
from tests.hostile_case import until_none_is_left_behind


@pytest.fixture
def never():
    """An event that work waits for, until the test is over."""
    event = threading.Event()
    yield event
    event.set()
    until_none_is_left_behind()


def test_results_and_errors_come_through():
    assert within(60, divmod, 7, 2) == within(None, divmod, 7, 2) == (3, 1)
    for seconds in (60, None):
        with pytest.raises(ZeroDivisionError):
            within(seconds, divmod, 1, 0)


def test_what_does_not_end_is_given_up(never):
    with pytest.raises(LateError, match=r"longer than 0\.01 s"):
        within(0.01, never.wait)
    assert has_left_behind()


def _own_id(_=None):
    return os.getpid()


def test_what_comes_after_is_done_in_another_process_until_the_thread_has_ended(never):
    assert within(60, _own_id) == os.getpid()
    with pytest.raises(LateError):
        within(0.01, never.wait)
    other = within(60, _own_id)
    assert other != os.getpid()
    assert within(60, _own_id) == other
    with pytest.raises(LateError):  # and that process is killed
        within(0.5, time.sleep, 600)
    assert within(0.5, _own_id) not in (other, os.getpid())
    never.set()
    until_none_is_left_behind()
    assert within(60, _own_id) == os.getpid()


def _replace(path, is_open, may_go_on):
    with replacing(path) as temporary:
        temporary.write_text("late")
        is_open.set()
        may_go_on.wait(60)


@pytest.mark.parametrize("is_begun", [True, False])
def test_what_was_given_up_changes_no_file(tmp_path, is_begun):
    is_open, may_go_on = threading.Event(), threading.Event()
    path = tmp_path / "kept"
    path.write_text("before")

    def work():
        if not is_begun:
            is_open.set()
            may_go_on.wait(60)
        _replace(path, is_open, may_go_on)

    with pytest.raises(LateError):
        within(1.0, work)
    assert is_open.is_set()
    may_go_on.set()
    until_none_is_left_behind()
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_an_error_of_time_inside_is_not_taken_for_lateness():
    def refuse():
        raise TimeoutError("a server")

    with pytest.raises(TimeoutError, match="a server") as caught:
        within(60, refuse)
    assert not isinstance(caught.value, LateError)


def test_a_limited_function_can_be_sent_away():
    sent = pickle.loads(pickle.dumps(Limited(60, divmod)))
    assert sent(7, 2) == (3, 1)


@pytest.mark.parametrize("code", [0, 1])
def test_a_command_ends_though_a_thread_never_does(code):
    """The lock that the thread holds on to is asked for again while Python ends."""
    script = f"""
import atexit, threading
lock = threading.Lock()
lock.acquire()
atexit.register(lock.acquire)
from ricenet_v2.cli.common import run
from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import LateError
from ricenet_v2.core.files import replacing
def command():
    try:
        within(0.01, threading.Event().wait)
    except LateError:
        print("given up")
    return {code}
raise SystemExit(run(command))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout) == (code, "given up\n")
