"""Trainings beside each other on two pretended cards: what each process is told."""

import dataclasses

import pytest

from ricenet_v2.ablation import training
from ricenet_v2.ablation.budget import TrainingBudget
from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.core.machine import GIB
from ricenet_v2.network import cards
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training import parallel
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import load_setup
from tests.pretended_cuda import Card
from tests.pretended_cuda.cohort import NAME, copy_of

TWO = (Card(memory=12 * GIB), Card(memory=12 * GIB))


@pytest.fixture
def space(preprocessed, tmp_path, monkeypatch):
    """The dataset with a step of 8 GiB, on a machine whose two cards another program shares."""
    workspace = copy_of(preprocessed, tmp_path / "space")
    file = dataset_paths(NAME, workspace).plan()
    plan = documents.read(Plan, file)
    memory = dataclasses.replace(plan.memory, activations=8 * GIB)
    documents.write(file, dataclasses.replace(plan, memory=memory))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7a,GPU-3c")
    monkeypatch.setattr(parallel, "n_cores", lambda: 32)
    monkeypatch.setattr(parallel, "available_memory", lambda: 512 * GIB)
    return workspace


def _free(monkeypatch, *gigabytes):
    monkeypatch.setattr(cards, "_free_bytes", lambda: [size * GIB for size in gigabytes])


@pytest.mark.parametrize(
    ("free", "device", "expected"),
    [
        ((12, 12), "cuda", ["GPU-7a", "GPU-3c"]),
        ((12, 2), "cuda", ["GPU-7a"]),
        ((2, 40), "cuda", ["GPU-3c", "GPU-3c"]),
        ((40, 12), "cuda:1", ["GPU-3c"]),
    ],
)
def test_folds_get_a_card_each_by_its_memory(
    space, pretended_cuda, monkeypatch, free, device, expected
):
    _free(monkeypatch, *free)
    seen = []

    def instead(commands, slots, _stop):
        seen.extend((slot, commands[0](slot)) for slot in slots)
        return iter([parallel.FoldExit(fold, "Not begun.") for fold in commands])

    monkeypatch.setattr(parallel, "run_folds", instead)
    words = ["--workspace", str(space), "--device", device, "--num_folds_parallel", "auto"]
    with pretended_cuda(cards=TWO) as gpu:
        assert train.main([NAME, "all", *words]) == 2
        assert gpu.context is None  # half a gigabyte of a card, for as long as the folds train
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot, _ in seen] == expected
    for _, line in seen:
        assert line[line.index("--device") + 1] == "cuda"
        assert float(line[line.index("--device_cache_gb") + 1]) > 0
        assert line[line.index("--num_workers") + 1] == str(32 // len(expected) - 1)


def test_trainings_of_an_ablation_get_a_card_each_by_its_memory(space, pretended_cuda, monkeypatch):
    _free(monkeypatch, 12, 24)
    subset = Subset("dose", ("dose",), ("dose",), "auto__dose")
    made = []
    with pretended_cuda(cards=TWO) as gpu:
        group = ProcessGroup(0, 1, training.resolve_device("cuda"))
        setup = load_setup(NAME, "auto", space, TrainOptions(), group)

        def instead(make, _function, jobs, *_):
            with make() as executor:
                made.append((executor._environments, jobs))
            return iter(())

        monkeypatch.setattr(training, "results", instead)
        machine = training.TrainingMachine(device="cuda")
        left = [(subset, fold) for fold in (0, 1, 0, 1)]
        training.train_subsets(setup, TrainingBudget(setup.plan, 0), left, machine)
        assert gpu.context is None
    ((environments, jobs),) = made
    shown = [environment["CUDA_VISIBLE_DEVICES"] for environment in environments]
    assert shown == ["GPU-3c", "GPU-7a", "GPU-3c"]
    assert {job.device for job in jobs} == {"cuda"}
    assert {job.options.num_workers for job in jobs} == {32 // 3 - 1}
    assert all(job.options.device_cache_gb > 0 for job in jobs)
