"""Results by any executor, and what becomes of tasks whose process was killed."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

import ricenet_v2
from ricenet_v2.core.case_pool import map_cases
from ricenet_v2.core.errors import LateError, WorkerError
from ricenet_v2.core.pool import Never, results
from ricenet_v2.core.processes import Processes, SerialExecutor
from ricenet_v2.core.worker import LostError, end_after_task


class StopSignal:
    requested = False


def values(*given):
    """What comes of items, without their places."""
    return [made for _, made in results(*given)]


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
    found = set(values(make, double, items, lost, Never()))
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
    found = values(make, dies, items, lambda item, error: (item[1], error), Never())
    ((name, error),) = [one for one in found if not isinstance(one, str)]
    assert name == "c"
    assert "killed twice, e.g. for lack of memory" in error
    return {one for one in found if isinstance(one, str)}


def test_a_killed_process_costs_one_item_and_that_only_if_it_is_killed_again(tmp_path):
    others = {"a": "never", "b": "once", "d": "never", "e": "never"}
    made = _with_one_that_always_dies(lambda: Processes(2), tmp_path, others)
    assert made == set(others)
    # What ran beside them was left alone.
    assert [len(list(tmp_path.glob(f"{name}.*"))) for name in "abcde"] == [1, 2, 2, 1, 1]


def test_a_pool_that_breaks_costs_one_item(tmp_path):
    """All that is in the pool is lost with it, whether or not it had begun, and tried again."""
    others = {"a": "never", "d": "never", "e": "never"}
    assert _with_one_that_always_dies(own_pool, tmp_path, others) == set(others)


def test_what_was_lost_is_not_tried_again_after_a_stop(tmp_path):
    stop = StopSignal()
    items = [(tmp_path, "a", "once"), (tmp_path, "b", "never")]
    found = []
    for _, one in results(lambda: Processes(1), dies, items, lost, stop):
        found.append(one)
        stop.requested = True
    assert found == ["b"]


def test_nothing_is_begun_after_a_stop():
    stop, seen = StopSignal(), []
    for _, found in results(SerialExecutor, double, [1, 2, 4], lost, stop):
        seen.append(found)
        stop.requested = True
    assert seen == [2]


def test_all_places_come_back_however_many_there_are():
    found = dict(results(lambda: ThreadPoolExecutor(4), abs, range(20_000), lost, Never()))
    assert found == {place: place for place in range(20_000)}


class Cohort:
    """A megabyte that counts how often it is sent."""

    sent = 0

    def __init__(self):
        self.voxels = bytes(10**6)

    def __reduce__(self):
        Cohort.sent += 1
        return Cohort, ()


def length(cohort, n):
    return n + len(cohort.voxels)


def test_what_tasks_share_goes_to_each_process_once():
    Cohort.sent = 0
    work = partial(length, Cohort())
    found = dict(results(lambda: Processes(2, work), work, range(50), lost, Never()))
    assert found == {n: n + 10**6 for n in range(50)}
    assert 1 <= Cohort.sent <= 2


def refuse(n):
    raise UnsendableError(n, "of two arguments")


class UnsendableError(Exception):
    """Can be pickled, but not read again."""

    def __init__(self, number, text):
        super().__init__(text)


def test_errors_come_back_and_the_process_goes_on():
    with Processes(1) as pool:
        first = pool.submit(os.getpid).result()
        assert isinstance(pool.submit(divide, 1).exception(), ZeroDivisionError)
        assert "UnsendableError: of two arguments" in str(pool.submit(refuse, 1).exception())
        assert pool.submit(lambda: 1).exception() is not None  # cannot be sent
        assert isinstance(pool.submit(sys.exit, 3).exception(), SystemExit)
        assert pool.submit(os.getpid).result() == first


def divide(n):
    return n / 0


def test_a_killed_process_is_named_and_another_takes_its_place():
    with Processes(1) as pool:
        first = pool.submit(os.getpid).result()
        assert str(pool.submit(os._exit, 3).exception()) == "ended with exit code 3"
        killed = pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(LostError, match="killed by SIGKILL"):
            killed.result()
        assert pool.submit(os.getpid).result() != first
        idle = pool.submit(os.getpid).result()
        os.kill(idle, signal.SIGKILL)
        assert isinstance(pool.submit(os.getpid).exception(), LostError)
    assert not multiprocessing.active_children()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(os.getpid)


def card_of_this_process():
    return os.environ.get("A_CARD"), os.getpid()


def kills_at_ten(number):
    if number == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return card_of_this_process()


def test_each_process_has_variables_of_its_own_and_so_has_the_one_that_takes_its_place():
    """As CUDA_VISIBLE_DEVICES, by which each works on a device of its own."""
    environments = [{"A_CARD": "GPU-1"}, {"A_CARD": "GPU-2"}]
    with Processes(2, environments=environments) as pool:
        before = {future.result() for future in [pool.submit(slowly) for _ in range(6)]}
        assert {card for card, _ in before} == {"GPU-1", "GPU-2"}
        assert len(before) == 2
        killed = [pool.submit(kills_at_ten, 10) for _ in range(2)]
        assert all(isinstance(each.exception(), LostError) for each in killed)
        after = {future.result() for future in [pool.submit(slowly) for _ in range(6)]}
    assert {card for card, _ in after} <= {"GPU-1", "GPU-2"}
    assert not {pid for _, pid in before} & {pid for _, pid in after}
    assert "A_CARD" not in os.environ


def slowly():
    time.sleep(0.2)
    return card_of_this_process()


def spends(number):
    """Its process is of no use to others, e.g. since the device is lost."""
    assert end_after_task()
    if number == 3:
        raise ValueError("lost")
    return os.getpid()


def test_a_spent_process_answers_and_another_one_takes_its_place():
    with Processes(1) as pool:
        pids = [pool.submit(spends, n).result() for n in range(2)]
        assert isinstance(pool.submit(spends, 3).exception(), ValueError)
        pids += [pool.submit(os.getpid).result() for _ in range(2)]
    assert len(set(pids)) == 3
    assert pids[2] == pids[3]
    assert not end_after_task()  # this process is nobody's worker


class EndsAtStart:
    def __reduce__(self):
        return os._exit, (1,)


def test_processes_that_do_not_start_are_an_error_and_no_endless_trial():
    work = partial(length, EndsAtStart())
    with pytest.raises(WorkerError, match="failed to start"):
        list(results(lambda: Processes(2, work), work, range(1000), lost, Never()))
    assert not multiprocessing.active_children()


def test_a_process_that_takes_too_long_is_killed_and_another_takes_its_place():
    pool = Processes(1, seconds=0.5)
    first = pool.submit(os.getpid).result()
    late = pool.submit(time.sleep, 600).exception()
    assert isinstance(late, LateError)
    assert "longer than 0.5 s" in str(late)
    assert pool.submit(os.getpid).result() != first
    pool.shutdown()
    assert not multiprocessing.active_children()


class EndsTwice:
    """Ends the first two processes that it is sent to, before they are ready."""

    def __init__(self, folder):
        self.folder = folder
        self.voxels = bytes(10**6)  # more than a pipe holds

    def __setstate__(self, state):
        self.__dict__.update(state)
        for name in "ab":
            with suppress(FileExistsError):
                (self.folder / name).touch(exist_ok=False)
                os._exit(9)


def plus(shared, n):
    return n + len(shared.voxels)


def test_some_starts_that_fail_beside_others_cost_nothing(tmp_path):
    work = partial(plus, EndsTwice(tmp_path))
    found = dict(results(lambda: Processes(3, work), work, range(6), lost, Never()))
    assert found == {n: n + 10**6 for n in range(6)}


def test_a_task_that_ends_its_process_is_lost_and_ends_no_other():
    for make in (SerialExecutor, lambda: Processes(1)):
        assert values(make, sys.exit, [3], lost, Never()) == ["3: SystemExit: 3"]


ABANDONED = """
from ricenet_v2.core.pool import Never, results
from ricenet_v2.core.processes import Processes

if __name__ == "__main__":
    coming = results(lambda: Processes(2), abs, range(9), lambda item, error: error, Never())
    print(next(coming))
    raise SystemExit(7)
"""


def test_a_program_ends_though_nobody_took_all_results(tmp_path):
    (tmp_path / "script.py").write_text(ABANDONED)
    environment = {**os.environ, "PYTHONPATH": str(Path(ricenet_v2.__file__).parents[1])}
    words = [sys.executable, str(tmp_path / "script.py")]
    assert subprocess.run(words, env=environment, timeout=60, check=False).returncode == 7


def in_serial(tasks):
    return map_cases(abs, tasks, 4, "here")


def test_processes_that_may_start_none_work_themselves():
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:  # its processes are daemons
        assert pool.apply(in_serial, ([-1, -2],)) == [1, 2]
