"""Executors: those of the house, a user's own, and what is not one."""

import pickle
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from ricenet_v2.ablation.executors import SerialExecutor, executor_of, results
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.training.parts import StopWish


class Wire(Executor):
    """Like a cluster: what goes out and what comes back is pickled."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(pickle.loads(pickle.dumps(fn(*pickle.loads(pickle.dumps(args))))))
        return future


def double(n):
    if n == 3:
        raise MemoryError("no room")
    return 2 * n


def lost(n, error):
    return f"{n}: {error}"


@pytest.mark.parametrize("make", [SerialExecutor, Wire, lambda: ThreadPoolExecutor(2)])
def test_one_that_is_lost_does_not_keep_the_others_from_it(make):
    items = [1, 2, 4] if make is Wire else [1, 2, 3, 4]
    found = set(results(make(), double, items, lost, StopWish()))
    assert {2, 4, 8} <= found
    assert make is Wire or "3: MemoryError: no room" in found


def test_nothing_is_begun_after_a_stop():
    stop, seen = StopWish(), []
    for found in results(SerialExecutor(), double, [1, 2, 4], lost, stop):
        seen.append(found)
        stop.asked = True
    assert seen == [2]


def test_a_users_factory_is_found_by_its_name_in_the_current_folder(tmp_path, monkeypatch):
    text = "from concurrent.futures import ThreadPoolExecutor\n"
    text += "def two():\n    return ThreadPoolExecutor(2)\nthree = 3\ndef four():\n    return 4\n"
    (tmp_path / "my_cluster.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    with executor_of("my_cluster:two", 1) as made:
        assert made.submit(double, 2).result() == 4
    for wrong in ("my_cluster:three", "my_cluster", "my_cluster:four", "my_cluster:x", "no_such:x"):
        with pytest.raises(TrainingError):
            executor_of(wrong, 1)
