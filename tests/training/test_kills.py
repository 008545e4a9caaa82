"""Real SIGKILLs: whatever a fold was doing, going on ends in the same weights bit for bit.

A process with torch costs seconds to start: runs are forked from a server that has everything
imported.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import torch

from ricenet_v2.core import documents
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints, tables

CHILD = str(Path(__file__).with_name("killed_child.py"))
RANDOM_KILLS = 6

# A run has four epochs of four steps; each validation predicts four cases.
ORDERS = (
    "write 1",  # before anything is written
    "mean_loss 1",  # in the first step
    "mean_loss 3",  # inside the first epoch
    "predict_cases 1",  # before the first validation
    "probabilities 3",  # inside it
    "halfway 1",  # half of the first checkpoint, the best
    "halfway 2",  # half of the second, the latest
    "save 2",  # between both
    "write_rows 1",  # between the latest checkpoint and its history: one epoch is done
    "mean_loss 4",  # inside the second epoch
    "probabilities 2",  # inside its validation
    "halfway 1",  # half of its checkpoint
    "predict_cases 4",  # three epochs later, before the final prediction
    "write_rows 1",  # before the whole history is written
    "halfway 1",  # half of the final checkpoint
    "write_rows 2",  # before validation.csv is written
    "write 4",  # before run.json says finished
)


def _run(forking, paths, order: str = "", seconds: float | None = None) -> int:
    """Exit code of a run that goes on where it was; negative where it was killed."""
    workspace = paths.raw.parent.parent
    (workspace / "kill_at").write_text(order)
    process = forking.start(["python", CHILD, str(workspace)])
    if seconds is not None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError):  # where it ended just now
            process.kill()
    return process.wait()


def _outcome(paths):
    fold = paths.run().fold(0)
    assert documents.read(Run, fold.run).status == "finished"
    rows = tables.read_rows(fold.history)
    for row in rows:
        del row["seconds"], row["waiting"], row["validation_seconds"]
    return checkpoints.load(fold.final)["inference_weights"], rows, fold.validation.read_text()


def _assert_same(one, other) -> None:
    assert one[1:] == other[1:]
    assert one[0].keys() == other[0].keys()
    for name, value in one[0].items():
        assert torch.equal(value, other[0][name]), name


def test_a_fold_killed_at_any_instant_ends_as_the_whole_one(
    with_training, make_workspace, fork_server
):
    plan = with_training(epochs=4)
    whole, killed, struck = (make_workspace(plan, name) for name in ("whole", "killed", "struck"))
    for paths in (killed, struck):
        (paths.raw.parent.parent / "write_often").touch()
    start = time.monotonic()
    assert _run(fork_server, whole) == 0
    length = time.monotonic() - start

    codes = [_run(fork_server, killed, order) for order in ORDERS]
    assert codes == [-signal.SIGKILL] * len(ORDERS)
    assert _run(fork_server, killed) == 0
    _assert_same(_outcome(whole), _outcome(killed))
    assert not list(killed.run().fold(0).folder.glob(".*"))

    chance, kills = random.Random(5), 0
    while kills < RANDOM_KILLS:
        code = _run(fork_server, struck, seconds=chance.uniform(0, 0.7 * length))
        kills += code < 0
        if code == 0:
            _assert_same(_outcome(whole), _outcome(struck))
            shutil.rmtree(struck.results)
    assert _run(fork_server, struck) == 0
    _assert_same(_outcome(whole), _outcome(struck))


def test_the_killed_command_ends_as_the_whole_fold(with_training, make_workspace, fork_server):
    """Checkpoints are written once a minute: of a killed run that of the first epoch alone."""
    plan = with_training(epochs=12)
    whole, killed = make_workspace(plan, "whole"), make_workspace(plan, "killed")
    assert _run(fork_server, whole) == 0
    fold = killed.run().fold(0)
    words = ["9", "0", "--continue", "--device", "cpu", "--num_threads", "1"]
    words += ["--workspace", str(killed.raw.parent.parent)]
    for sign in (fold.run, fold.history, None):
        process = fork_server.start(["ricenet_train", *words])
        while sign is not None and process.poll() is None and not sign.is_file():
            time.sleep(0.005)
        if sign is not None:
            process.kill()
        assert process.wait() == (0 if sign is None else -signal.SIGKILL)
    _assert_same(_outcome(whole), _outcome(killed))
