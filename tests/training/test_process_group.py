"""Two processes over Gloo, as torchrun starts them, and by torchrun itself."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.training.process_group import ProcessGroup, joined
from ricenet_v2.training.stop_signal import Stopped, StopSignal
from tests.forked import Forked, ForkServer


def _words(paths) -> list[str]:
    return ["9", "0", "--device", "cpu", "--workspace", str(paths.raw.parent.parent)]


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _start_two(fork_server: ForkServer, paths) -> list[Forked]:
    """The processes of torchrun without itself, whose start and theirs take seconds."""
    group = {"TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _free_port()}
    environment = {**os.environ, **group, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    return [
        fork_server.start(
            ["ricenet_train", *_words(paths)],
            env={**environment, "RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
        )
        for rank in "01"
    ]


def _ended(processes: list[Forked]) -> tuple[list[int], str]:
    """Exit codes, and what all of them said."""
    texts = [process.communicate(timeout=240)[1] for process in processes]
    return [process.returncode for process in processes], "".join(texts)


def _weights(paths):
    return checkpoints.load(paths.run().fold(0).final)["inference_weights"]


def test_two_processes_train_to_the_same_as_one_of_patients_who_lack_images(
    plan, make_workspace, run_fold, with_training, fork_server, lacking
):
    """Which channels are dropped, and their flags, follow the place in the epoch alone."""
    planned, take_doses = lacking
    plan = planned(with_training(epochs=1, iterations_per_epoch=3, learning_rate=1e-4))
    alone, shared = (take_doses(make_workspace(plan, name)) for name in ("alone", "shared"))
    run_fold(alone)
    codes, said = _ended(_start_two(fork_server, shared))
    assert codes == [0, 0], said
    _check_same_weights(alone, shared)
    rows = [tables.read_rows(paths.run().fold(0).validation) for paths in (alone, shared)]
    for one, two in zip(*rows, strict=True):
        assert one["channels"] == two["channels"]
        assert float(one["prob_recurrence"]) == pytest.approx(
            float(two["prob_recurrence"]), rel=1e-4
        )
    assert {row["channels"] for row in rows[0]} == {"all", "T1c"}


def _check_same_weights(alone, shared):
    one, two = _weights(alone), _weights(shared)
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=2e-6)


def test_two_processes_train_to_the_same_as_one_and_go_on_alone(
    plan, make_workspace, run_fold, with_training, fork_server
):
    plan = dataclasses.replace(
        with_training(epochs=2, iterations_per_epoch=3, learning_rate=1e-4),
        network=dataclasses.replace(plan.network, dropout=0.3),
    )
    alone, shared = make_workspace(plan, "alone"), make_workspace(plan, "shared")
    run_fold(alone)
    codes, said = _ended(_start_two(fork_server, shared))
    assert codes == [0, 0], said
    _check_same_weights(alone, shared)
    fold = shared.run().fold(0)
    rows = [tables.read_rows(paths.run().fold(0).history) for paths in (alone, shared)]
    for here, there in zip(*rows, strict=True):
        for column in ("train_loss", "validation_loss"):
            assert float(there[column]) == pytest.approx(float(here[column]), rel=1e-4)
    assert len(tables.read_rows(fold.validation)) == 4
    assert fold.log.read_text().count("Fold 0 is trained") == 1
    # What two began, one can go on with.
    assert run_fold(shared, resume=True, epochs=3).status == "finished"


def test_a_fault_of_one_process_ends_all_and_is_told_once(
    with_training, make_workspace, fork_server
):
    paths = make_workspace(with_training(epochs=50))
    broken = [file for file in paths.cases().glob("*.b2nd") if file.stem != "C00"]
    for file in broken[::3]:
        file.write_bytes(b"damaged")
    codes, said = _ended(_start_two(fork_server, paths))
    assert 0 not in codes
    assert len(re.findall("^Error: ", said, re.MULTILINE)) == 1, said
    assert re.search("process: [01] of 2", said)


@pytest.mark.usefixtures("forked_python")
def test_sigterm_to_torchrun_ends_all_cleanly(with_training, make_workspace, fork_server):
    paths = make_workspace(with_training(epochs=500))
    torchrun = ["python", "-m", "torch.distributed.run", "--nproc_per_node=2"]
    torchrun += [f"--master_port={_free_port()}", "-m", "ricenet_v2.cli.train", *_words(paths)]
    forks = {**os.environ, "PYTHON_EXEC": sys.executable}  # by which torchrun starts processes
    process = fork_server.start(torchrun, stderr=subprocess.PIPE, env=forks)
    fold = paths.run().fold(0)
    while process.poll() is None and not fold.history.is_file():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=240)
    assert said.count("was stopped") == 1, said
    assert documents.read(Run, fold.run).status == "stopped"


def test_batch_norm_on_shared_cpus_is_refused_with_the_reason(plan, make_workspace):
    from ricenet_v2.records.splits import Splits
    from ricenet_v2.store.raw import load_raw_dataset
    from ricenet_v2.training.options import TrainOptions
    from ricenet_v2.training.preparation import prepare
    from ricenet_v2.training.training_setup import TrainingSetup

    paths = make_workspace(plan)
    raw, splits = load_raw_dataset(paths.raw), documents.read(Splits, paths.splits)
    options = TrainOptions(overrides={"network.norm": "batch"})
    process_group = ProcessGroup(0, 2, torch.device("cpu"))
    setup = TrainingSetup(paths, plan, raw.dataset, raw.cases, splits, options, process_group)
    with pytest.raises(TrainingError, match="Batch norm cannot be shared"):
        prepare(setup, 0)
    mixing = TrainOptions(overrides={"mixup": "0.4", "accumulation_steps": "1"})
    with pytest.raises(TrainingError, match="Mixup needs at least 2 samples"):
        prepare(dataclasses.replace(setup, options=mixing), 0)


def test_one_process_alone_raises_what_it_raises():
    with joined("cpu") as process_group:
        assert (process_group.rank, process_group.size, process_group.leads) == (0, 1, True)
        with pytest.raises(ZeroDivisionError), process_group.agreed():
            raise ZeroDivisionError
        stop = StopSignal()
        with process_group.agreed(stop):
            pass
        stop.requested = True
        with pytest.raises(Stopped), process_group.agreed(stop):
            pass
        assert float(process_group.sum(torch.tensor(3.0))) == 3.0
