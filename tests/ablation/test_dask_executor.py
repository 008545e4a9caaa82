"""A real local cluster of Dask whose workers are killed; skipped where Dask is not installed."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import BrokenExecutor

import pytest

from ricenet_v2.ablation import dask_executor
from ricenet_v2.ablation.dask_executor import DaskExecutor
from ricenet_v2.ablation.executors import executor_of
from ricenet_v2.core.errors import WorkerError
from ricenet_v2.core.pool import Never, results

distributed = pytest.importorskip(
    "distributed", reason="Dask is not installed: pip install '.[dask]'"
)

# Dask itself leaves sockets and loops to the garbage collector when its workers are killed.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread, each a process that a nanny starts anew."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
    ) as made:
        yield made


@pytest.fixture
def make(cluster):
    """A function that makes an executor, as that of a user."""
    return lambda **options: DaskExecutor(distributed.Client(cluster), **options)


def lost(item, error):
    return f"{item}: {error}"


def deadly(given):
    """Kills its worker: the first time, each time, or never."""
    folder, name, when = given
    (folder / f"{name}.{os.getpid()}").touch()
    if when == "always" or (when == "once" and len(list(folder.glob(f"{name}.*"))) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_a_killed_worker_costs_one_task_and_that_only_if_it_is_killed_again(make, tmp_path):
    when = {"a": "never", "b": "once", "c": "always", "d": "never", "e": "never", "f": "never"}
    items = [(tmp_path, name, how) for name, how in when.items()]
    found = dict(results(make, deadly, items, lambda item, error: error, Never()))
    assert [found[place] for place in (0, 1, 3, 4, 5)] == ["a", "b", "d", "e", "f"]
    assert "killed twice" in found[2]
    assert "died" in found[2]
    # The scheduler itself tried nothing again.
    assert len(list(tmp_path.glob("b.*"))) == 2
    assert len(list(tmp_path.glob("c.*"))) == 2


def random_number(n):
    return time.time_ns()


def test_equal_tasks_are_two_tasks(make):
    with make() as executor:
        one, other = (executor.submit(random_number, 1) for _ in range(2))
        assert one.result() != other.result()


def divide(n):
    return 1 / n


def test_errors_of_a_task_are_its_own(make):
    with make() as executor:
        assert isinstance(executor.submit(divide, 0).exception(), ZeroDivisionError)
        assert executor.submit(divide, 2).result() == 0.5
        assert executor.submit(divide, threading.Lock()).exception() is not None
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(divide, 1)


def slow(n):
    time.sleep(0.05)
    return n


def test_no_more_tasks_are_in_flight_than_there_are_threads(cluster, make):
    most = 0
    executor = make()
    futures = [executor.submit(slow, n) for n in range(40)]
    while not all(future.done() for future in futures):
        most = max(most, len(cluster.scheduler.tasks))
        time.sleep(0.01)
    executor.shutdown(wait=True, cancel_futures=True)
    assert [future.result() for future in futures] == list(range(40))
    # A task that has ended may not be forgotten yet.
    assert 0 < most <= 6


def test_what_waits_is_cancelled_and_what_runs_is_not(make):
    executor = make(in_flight=1)
    futures = [executor.submit(slow, n) for n in range(200)]
    futures[0].result()
    executor.shutdown(wait=True, cancel_futures=True)
    assert all(future.done() for future in futures)
    assert futures[-1].cancelled()
    assert not futures[0].cancelled()


def test_the_scheduler_has_its_own_rule_back(cluster, make):
    before = cluster.scheduler.allowed_failures
    with make():
        assert cluster.scheduler.allowed_failures == 0
    assert before == cluster.scheduler.allowed_failures == 3


def test_a_scheduler_that_takes_no_functions_is_told_of(make, monkeypatch, caplog):
    def refuse(self, function):
        raise ValueError("pickle is off")

    monkeypatch.setattr(distributed.Client, "run_on_scheduler", refuse)
    with make() as executor:
        assert executor.submit(divide, 1).result() == 1
    assert "allowed-failures: 0" in caplog.text


def test_no_workers_are_an_error_after_a_while(monkeypatch):
    monkeypatch.setattr(dask_executor, "_SECONDS_BETWEEN_COUNTS", 0.2)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:

        def make():
            return DaskExecutor(distributed.Client(empty), seconds_without_workers=1)

        with pytest.raises(WorkerError, match="no workers for 1 s") as caught:
            list(results(make, divide, [1, 2, 3], lost, Never()))
    assert "dask worker" in caught.value.remedy


def may_start_processes(n):
    return not multiprocessing.current_process().daemon


def test_a_worker_of_dask_may_start_no_processes(make):
    """Why a training in such a worker loads by itself; see `ablation.jobs`."""
    with make() as executor:
        assert executor.submit(may_start_processes, 1).result() is False


def test_the_factory_of_the_documentation(cluster, tmp_path, monkeypatch):
    text = "from dask.distributed import Client\n"
    text += "from ricenet_v2.ablation.dask_executor import DaskExecutor\n"
    text += f"def gpus():\n    return DaskExecutor(Client({cluster.scheduler_address!r}))\n"
    (tmp_path / "my_dask.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    with executor_of("my_dask:gpus", 1) as made:
        assert made.submit(divide, 4).result() == 0.25
        assert not isinstance(made.submit(divide, 0).exception(), BrokenExecutor)
