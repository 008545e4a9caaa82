"""The trainings of an ablation by a foreign executor, and of one that was killed."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from ricenet_v2.ablation.study_consistency import is_complete
from ricenet_v2.cli import ablate
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.tables import read_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS

pytestmark = pytest.mark.walk

SUBSET = "T1c_event+dose"
PATIENCE = 120  # seconds; a busy machine is slow

# Like a cluster: what goes out and what comes back is pickled, several are under way at a time,
# and none of them runs in the main thread.
CLUSTER = """
import pickle
from concurrent.futures import Executor, ThreadPoolExecutor

def _work(sent):
    function, given = pickle.loads(sent)
    return pickle.loads(pickle.dumps(function(*given)))

class Cluster(Executor):
    def __init__(self):
        self.machines = ThreadPoolExecutor(2)

    def submit(self, fn, /, *args):
        return self.machines.submit(_work, pickle.dumps((fn, args)))

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.machines.shutdown(wait)
        open("closed", "w").close()
"""


def line(workspace, *more):
    """Words of the command."""
    words = [NAME, "--workspace", str(workspace), "--subsets", SUBSET, "--device", "cpu"]
    words += ["--num_workers", "0", "--num_threads", "1", "--permutation_repeats", "0"]
    return [*words, "--n_bootstrap", "20", *more]


@pytest.fixture(scope="module")
def make_space(trained_cohort, tmp_path_factory):
    """A function that copies the workspace of the full model."""
    return lambda: shutil.copytree(trained_cohort, tmp_path_factory.mktemp("ablated") / "space")


@pytest.fixture(scope="module")
def whole(make_space):
    """Workspace of an ablation that nothing disturbed, in one process."""
    workspace = make_space()
    assert ablate.main(line(workspace, "--executor", "serial")) == 0
    return workspace


def folds_of(workspace):
    """Of the subset."""
    model = dataset_paths(NAME, workspace).run("auto", SUBSET)
    return [model.fold(n) for n in range(FOLDS)]


def finished(workspace):
    """When the final checkpoint of each finished fold was written."""
    there = [fold for fold in folds_of(workspace) if fold.run.is_file()]
    done = [fold for fold in there if is_complete(fold, documents.read(Run, fold.run))]
    return {fold.final: fold.final.stat().st_mtime_ns for fold in done}


def assert_same(one, other):
    """Weights, losses, predictions and metrics."""
    for mine, its in zip(folds_of(one), folds_of(other), strict=True):
        weights, others = (checkpoints.load(f.final)["inference_weights"] for f in (mine, its))
        assert weights.keys() == others.keys()
        for name, value in weights.items():
            assert torch.equal(value, others[name]), name
        losses, others = ([row["train_loss"] for row in read_rows(f.history)] for f in (mine, its))
        assert losses == others
        assert mine.validation.read_text() == its.validation.read_text()
    metrics = [
        dataset_paths(NAME, space).run().ablation("channel", [SUBSET]) / "ablation.json"
        for space in (one, other)
    ]
    assert metrics[0].read_text() == metrics[1].read_text()


def test_a_foreign_executor_gives_what_ours_gives(whole, make_space, tmp_path, monkeypatch):
    (tmp_path / "a_cluster.py").write_text(CLUSTER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    workspace = make_space()
    assert ablate.main(line(workspace, "--executor", "a_cluster:Cluster")) == 0
    assert (tmp_path / "closed").is_file()
    assert len(finished(workspace)) == FOLDS
    assert_same(whole, workspace)


DASK = """
from dask.distributed import Client
from ricenet_v2.ablation.dask_executor import DaskExecutor

def gpus():
    return DaskExecutor(Client({address!r}))
"""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dask_gives_what_ours_gives_though_a_worker_is_killed(
    whole, make_space, tmp_path, monkeypatch
):
    reason = "Dask is not installed: pip install '.[dask]'"
    distributed = pytest.importorskip("distributed", reason=reason)
    method = {"distributed.worker.multiprocessing-method": "forkserver"}  # see tests/forked.py
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    workspace, killed = make_space(), []

    def kill():
        while not finished(workspace):
            time.sleep(0.01)
        killed.append(min(worker.pid for worker in cluster.workers.values()))
        os.kill(killed[0], signal.SIGKILL)

    with (
        importlib.import_module("dask").config.set(method),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
    ):
        (tmp_path / "a_dask.py").write_text(DASK.format(address=cluster.scheduler_address))
        killer = threading.Thread(target=kill)
        killer.start()
        # Workers of Dask may start no processes, so that each training loads by itself.
        words = line(workspace, "--executor", "a_dask:gpus", "--num_workers", "1")
        assert ablate.main(words) == 0
        killer.join()
    assert killed
    assert len(finished(workspace)) == FOLDS
    assert_same(whole, workspace)


def test_tables_that_another_machine_sees_otherwise_are_refused(make_space, tmp_path, monkeypatch):
    """Tasks carry neither cases nor folds: what a machine reads is held against their hash."""
    workspace = make_space()
    monkeypatch.setattr("ricenet_v2.ablation.training.tables_hash", lambda *_: "another")
    assert ablate.main(line(workspace, "--executor", "serial")) == 1
    assert not finished(workspace)


def test_killed_its_processes_end_and_the_same_command_goes_on(
    whole, make_space, capsys, fork_server
):
    workspace = make_space()
    words = line(workspace, "--num_processes", "1", "--num_workers", "1")
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = fork_server.start(["ricenet_ablate", *words], **pipes)
    while process.poll() is None and not finished(workspace):
        time.sleep(0.01)
    process.kill()
    # Those that trained have the pipes too: they close when the last of them has ended.
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    before = finished(workspace)
    assert 0 < len(before) < FOLDS

    assert ablate.main(words) == 0
    told = capsys.readouterr().err
    assert f"{FOLDS + len(before)} of {2 * FOLDS} trainings are already finished" in told
    after = finished(workspace)
    assert len(after) == FOLDS
    assert before.items() <= after.items()
    assert_same(whole, workspace)
