"""Executors: those of the house, a user's own, and what is not one."""

import multiprocessing
import os
import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

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
    found = set(results(make, double, items, lost, StopWish()))
    assert {2, 4, 8} <= found
    assert make is Wire or "3: MemoryError: no room" in found


def dies(given):
    """As if the kernel killed it for lack of memory: the first time, each time, or never."""
    folder, name, when = given
    (folder / f"{name}.{os.getpid()}").touch()
    if when == "always" or (when == "once" and len(list(folder.glob(f"{name}.*"))) == 1):
        os._exit(9)
    return name


def own_pool():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def _with_one_that_always_dies(make, folder, others):
    """What comes of the others, and what is said of the one."""
    items = [(folder, name, when) for name, when in {"c": "always", **others}.items()]
    found = list(results(make, dies, items, lambda item, error: (item[1], error), StopWish()))
    ((name, error),) = [one for one in found if not isinstance(one, str)]
    assert name == "c"
    assert "killed twice, e.g. for lack of memory" in error
    return {one for one in found if isinstance(one, str)}


def test_a_killed_process_costs_one_item_and_that_only_if_it_is_killed_again(tmp_path):
    others = {"a": "never", "b": "once", "d": "never", "e": "never"}
    made = _with_one_that_always_dies(lambda: executor_of("processes", 2), tmp_path, others)
    assert made == set(others)
    # What ran beside them was left alone.
    assert [len(list(tmp_path.glob(f"{name}.*"))) for name in "abcde"] == [1, 2, 2, 1, 1]


def test_a_pool_that_breaks_costs_one_item(tmp_path):
    """All that is in the pool is lost with it, whether or not it had begun, and tried again."""
    others = {"a": "never", "d": "never", "e": "never"}
    assert _with_one_that_always_dies(own_pool, tmp_path, others) == set(others)


def test_what_was_lost_is_not_tried_again_after_a_stop(tmp_path):
    stop = StopWish()
    items = [(tmp_path, "a", "once"), (tmp_path, "b", "never")]
    found = []
    for one in results(lambda: executor_of("processes", 1), dies, items, lost, stop):
        found.append(one)
        stop.asked = True
    assert found == ["b"]


def test_nothing_is_begun_after_a_stop():
    stop, seen = StopWish(), []
    for found in results(SerialExecutor, double, [1, 2, 4], lost, stop):
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
