"""Locks of folders, looked at from other processes."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest

from ricenet_v2.core import locks
from ricenet_v2.core.errors import InUseError
from ricenet_v2.core.holders import Holder, holders_in
from tests.lock_holder import end, start, tried

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(locks, "_SECONDS_OF_PATIENCE", 0.0)


@pytest.fixture
def there(tmp_path):
    """Other processes of a test, by how they hold the folder."""
    begun = []

    def begin(how):
        process, said = start(how, tmp_path / "folder")
        begun.append(process)
        assert said == "got"
        return process

    (tmp_path / "folder").mkdir()
    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("first", "second", "is_free"),
    [
        ("reads", "reads", True),
        ("reads", "writes", False),
        ("writes", "reads", False),
        ("writes", "writes", False),
    ],
)
def test_many_may_read_and_a_single_one_writes(tmp_path, there, first, second, is_free):
    folder = tmp_path / "folder"
    process = there(first)
    if is_free:
        with locks.using(**{second: [folder]}):
            pass
    else:
        with pytest.raises(InUseError) as caught, locks.using(**{second: [folder]}):
            pass
        assert f"ricenet_train 1 0 (process {process.pid} on " in str(caught.value)
        assert str(folder) in str(caught.value)
    end(process)
    with locks.using(writes=[folder]):
        pass
    assert list(folder.iterdir()) == []


def test_the_lock_ends_with_a_process_that_is_killed(tmp_path, there):
    process = there("writes")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with locks.using(reads=[tmp_path / "folder"]):
        pass
    with locks.using(writes=[tmp_path / "folder"]):
        text = (tmp_path / "folder" / locks.LOCK_FILE).read_bytes()
        assert [holder.pid for holder in holders_in(text)] == [os.getpid()]


def test_a_forked_child_does_not_keep_the_lock_of_its_parent(tmp_path):
    """Loading processes are forked, and outlive a parent that was killed for a moment."""
    context = multiprocessing.get_context("fork")
    goes_on = context.Event()
    with locks.using(writes=[tmp_path / "folder"]):
        child = context.Process(target=goes_on.wait)
        child.start()
        assert tried("writes", tmp_path / "folder") == "refused"  # the child took nothing away
    assert tried("writes", tmp_path / "folder") == "got"
    goes_on.set()
    child.join()
    assert child.exitcode == 0


def test_threads_keep_each_other_out(tmp_path):
    said = []

    def second(**folders):
        try:
            with locks.using(**folders):
                said.append("got")
        except InUseError as error:
            said.append(error.what)

    def in_thread(**folders):
        thread = threading.Thread(target=second, kwargs=folders)
        thread.start()
        thread.join()

    with locks.using(reads=[tmp_path]):
        in_thread(reads=[tmp_path])
        in_thread(writes=[tmp_path])
        # Closing one descriptor of the file drops no lock of another.
        assert tried("writes", tmp_path) == "refused"
    assert said == ["got", "This process works in the folder already."]


def test_one_folder_under_two_names_is_one_folder(tmp_path, there):
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    there("writes")
    with pytest.raises(InUseError), locks.using(reads=[tmp_path / "link"]):
        pass


def test_what_is_read_and_written_is_held_once(tmp_path):
    with locks.using(reads=[tmp_path, tmp_path / "absent"], writes=[tmp_path, tmp_path / "."]):
        assert tried("reads", tmp_path) == "refused"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_stays_empty_is_taken_away(tmp_path):
    with locks.using(writes=[tmp_path / "a" / "b"]):
        assert (tmp_path / "a" / "b" / locks.LOCK_FILE).is_file()
    assert list(tmp_path.iterdir()) == []
    with locks.using(writes=[tmp_path / "a" / "b"]):
        (tmp_path / "a" / "b" / "file").touch()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_the_folders_before_one_that_is_in_use_are_let_go(tmp_path, there):
    there("writes")
    with (
        pytest.raises(InUseError),
        locks.using(writes=[tmp_path / "before", tmp_path / "folder"]),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_its_holder_deletes_after_it_was_opened_is_opened_anew(tmp_path, monkeypatch):
    path, real, opened = tmp_path / locks.LOCK_FILE, locks._lock, []

    def deleting(descriptor, *, writes):
        opened.append(os.fstat(descriptor).st_ino)
        if len(opened) == 1:
            path.unlink()
        return real(descriptor, writes=writes)

    monkeypatch.setattr(locks, "_lock", deleting)
    with locks.using(writes=[tmp_path]):
        assert len(opened) == 2
        assert path.stat().st_ino == opened[-1]
    assert not path.exists()


def test_a_holder_that_is_about_to_end_is_waited_for(tmp_path, monkeypatch):
    real, tries = locks._lock, []

    def busy(descriptor, *, writes):
        tries.append(1)
        if len(tries) == 1:
            raise OSError(errno.EAGAIN, "busy")
        return real(descriptor, writes=writes)

    monkeypatch.setattr(locks, "_lock", busy)
    monkeypatch.setattr(locks, "_SECONDS_OF_PATIENCE", 60.0)
    with locks.using(reads=[tmp_path]):
        assert len(tries) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_lets_everybody_in(tmp_path, monkeypatch, caplog, code):
    def refused(*_):
        raise OSError(code, "not here")

    monkeypatch.setattr(locks.fcntl, "flock", refused)
    with locks.using(writes=[tmp_path / "new"]), locks.using(writes=[tmp_path / "new"]):
        assert list((tmp_path / "new").iterdir()) == []
    assert "cannot be locked" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_only_be_read_can_be_used(tmp_path, monkeypatch, caplog, code):
    real = os.open

    def read_only(path, how, *more):
        if how & (os.O_CREAT | os.O_RDWR):
            raise OSError(code, os.strerror(code), str(path))
        return real(path, how, *more)

    monkeypatch.setattr(locks.os, "open", read_only)
    with locks.using(reads=[tmp_path]):
        assert list(tmp_path.iterdir()) == []
    # Where somebody with more rights has made the file, it keeps him out all the same.
    (tmp_path / locks.LOCK_FILE).write_bytes(b"")
    with locks.using(reads=[tmp_path]):
        assert tried("writes", tmp_path) == "refused"
    assert caplog.text == ""


def test_a_link_in_place_of_the_lock_file_leads_nowhere(tmp_path):
    """The folder may be a stranger's."""
    precious = tmp_path / "precious"
    precious.write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / locks.LOCK_FILE).symlink_to(precious)
    with locks.using(writes=[tmp_path / "folder"]):
        pass
    assert precious.read_text() == "text"
    os.mkfifo(tmp_path / locks.LOCK_FILE)
    with locks.using(reads=[tmp_path]):
        pass


def _line(**changes):
    fields = {"number": "1", "host": "elsewhere", "pid": 7, "command": "a", "since": "b"}
    return json.dumps(fields | {"writes": True} | changes).encode() + b"\n"


def test_who_holds_it_is_read_from_any_text():
    assert [one.description for one in holders_in(_line())] == [
        "a (process 7 on elsewhere, since b)"
    ]
    assert holders_in(_line() + b'{"number": "1", "ended": true}\n') == []
    for other in (b"\xff\x00", b"[" * 100_000, b"[]", b"3", b"null", _line(pid="7", host=3), b"{}"):
        assert len(holders_in(other + b"\n" + _line())) == 1
    (told,) = holders_in(_line(command="\x1b[2J\ud800" + "x" * 1000))
    assert told.description.isprintable()
    assert len(told.description) < 300
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = Holder("2", os.uname().nodename, gone.pid, "", "", writes=True)
    assert holders_in(json.dumps(vars(here)).encode()) == []
