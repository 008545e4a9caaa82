"""The lock of a file; tests/training/test_fold_lock.py looks at it from other processes."""

import os

from ricenet_v2.core import locks


def test_the_file_is_there_as_long_as_it_is_held(tmp_path):
    path = tmp_path / "folder" / "lock"
    with locks.held(path) as is_ours:
        assert is_ours
        assert path.exists()
    assert not path.exists()
    assert path.parent.exists()


def test_a_file_that_its_holder_deletes_after_it_was_opened_is_opened_anew(tmp_path, monkeypatch):
    path, real, opened = tmp_path / "lock", locks._locked, []

    def deleting(stream):
        opened.append(os.fstat(stream.fileno()).st_ino)
        if len(opened) == 1:
            path.unlink()
        return real(stream)

    monkeypatch.setattr(locks, "_locked", deleting)
    with locks.held(path) as is_ours:
        assert is_ours
        assert len(opened) == 2
        assert path.stat().st_ino == opened[-1]
    assert not path.exists()


def test_a_lock_of_another_is_left_and_kept(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    monkeypatch.setattr(locks, "_locked", lambda stream: False)
    with locks.held(path) as is_ours:
        assert not is_ours
    assert path.exists()


def test_a_file_system_without_locks_lets_everybody_in(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "lockf", refused)
    with locks.held(tmp_path / "lock") as is_ours:
        assert is_ours
