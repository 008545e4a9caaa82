"""How cases come to a pretended device: kept there or loaded, and the time that is lost by it."""

import dataclasses
import itertools
import logging

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.machine import GIB
from ricenet_v2.records.plan import Plan
from ricenet_v2.store import checkpoints
from ricenet_v2.store.cases import read_array, read_record, write_case
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training import data_flow as module
from ricenet_v2.training.data_flow import data_flow, open_batches
from ricenet_v2.training.loader import Batch, TrainingBatches
from ricenet_v2.training.loop import TrainingTask, train_epoch
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.source import Source
from ricenet_v2.training.state import first_network, first_state
from ricenet_v2.training.stop_signal import StopSignal
from tests.pretended_cuda import Card
from tests.pretended_cuda.cohort import LEARNS, NAME, copy_of, train_on

CUDA = torch.device("cuda", 0)
_CHANGES = ("rotation", "scaling", "elastic", "noise", "blur", "brightness", "contrast", "gamma")


@pytest.fixture
def source(preprocessed):
    """Cases of the small dataset; four steps an update, nothing augmented."""
    paths = dataset_paths(NAME, preprocessed)
    plan = documents.read(Plan, paths.plan())
    quiet = {f"p_{name}": 0.0 for name in (*_CHANGES, "low_resolution")}
    augmentation = dataclasses.replace(plan.training.augmentation, **quiet)
    training = dataclasses.replace(
        plan.training, augmentation=augmentation, accumulation_steps=4, iterations_per_epoch=3
    )
    plan = dataclasses.replace(plan, training=training)
    labels = {f"C{n}": plan.classes[n % 2] for n in range(2, 10)}
    reader = CaseReader(paths.cases("auto"), range(3), GIB, list(labels))
    return Source(reader, labels, plan, seed=0)


def _epoch(source, batches):
    """An epoch on the device that is at work."""
    group, plan = ProcessGroup(0, 1, CUDA), source.plan
    state = first_state(first_network(plan, 0), plan.training, CUDA)
    task = TrainingTask(plan.training, state.segments, 2, None, 0, group)
    network = state.network
    arguments = network, state.optimiser, state.ema, batches, task, 0, StopSignal()
    return train_epoch(*arguments, state.scaling)


class _Slow:
    """Batches that lie on the device, each after some seconds of waiting."""

    def __init__(self, source, gpu, seconds):
        plan = source.plan
        images = torch.zeros((plan.training.batch_size, 3, *plan.input_size), device=CUDA)
        self.batch = Batch(images, torch.tensor([0, 1]), ("C2", "C3"))
        self.gpu, self.seconds = gpu, seconds

    def __next__(self):
        self.gpu.backlog.skipped += self.seconds
        return self.batch


def test_what_the_device_has_still_to_do_is_no_waiting_for_data(source, pretended_cuda):
    """Cases lie in memory and are there in no time: only the device is busy, for 0.25 s a layer."""
    with pretended_cuda(lag=0.25) as gpu:
        batches = TrainingBatches(source, 0, 0, CUDA)
        next(batches)
        result = _epoch(source, batches)
    assert result.seconds > 3 * 4 * 0.25  # of the clock of the device
    assert result.waiting < 0.02 * result.seconds
    assert not gpu.races


def test_waiting_counts_where_the_device_has_nothing_to_do(source, pretended_cuda):
    with pretended_cuda(lag=0.25) as gpu:
        _epoch(source, _Slow(source, gpu, 0.0))
        work = _epoch(source, _Slow(source, gpu, 0.0)).seconds / 12
        idle = _epoch(source, _Slow(source, gpu, 4 * work))
        hidden = _epoch(source, _Slow(source, gpu, 0.25 * work))
    # A batch takes four times as long to come as to train on.
    assert idle.waiting / idle.seconds == pytest.approx(0.75, abs=0.1)
    # It comes while the device is busy with the one before: but for the first of each update.
    assert hidden.waiting / hidden.seconds < 0.08


def _same(first, second):
    return all(
        a.case_ids == b.case_ids
        and torch.equal(a.targets, b.targets)
        and torch.equal(a.images.cpu(), b.images.cpu())
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_batches_are_the_same_bits_whether_cases_lie_on_the_device_or_are_loaded(
    source, tmp_path, pretended_cuda, dtype
):
    plan = dataclasses.replace(source.plan, storage_dtype=dtype)
    folder = source.reader.folder
    for case in source.labels:
        write_case(tmp_path, read_array(folder, case), read_record(folder, case), dtype)
    reader = CaseReader(tmp_path, range(3), GIB, list(source.labels))
    source = Source(reader, source.labels, plan, seed=0)
    flow = data_flow(plan, CUDA, 8, 2, free_of_device=GIB, num_workers=0)
    assert flow.is_on_device
    assert flow.case_bytes == 8 * 3 * 8**3 * (4 if dtype == "float32" else 2)
    with pretended_cuda() as gpu:
        loaded = open_batches(dataclasses.replace(flow, is_on_device=False), source, 1, CUDA)
        expected = list(itertools.islice(loaded, 15))
        kept = open_batches(flow, source, 1, CUDA)
        with gpu.watched() as seen:
            batches = list(itertools.islice(kept, 15))
        assert not seen.of("up"), seen
        assert _same(batches, expected)
        assert {batch.images.device for batch in batches} == {CUDA}
        assert batches[0].images.dtype == torch.float32


@pytest.mark.parametrize("workers", [1, 3])
def test_loaded_batches_come_without_a_wait_and_in_page_locked_memory(
    source, pretended_cuda, workers
):
    with pretended_cuda() as gpu:
        expected = list(itertools.islice(TrainingBatches(source, 0, 0, CUDA), 12))
        batches = TrainingBatches(source, 0, workers, CUDA, n_slots=2)
        with gpu.watched() as seen:
            taken = list(itertools.islice(batches, 12))
        batches.close()
        assert _same(taken, expected)
        assert not seen.waits, seen
        sizes = {event.bytes for event in seen.of("up")}
        assert sizes == {2 * 3 * 8**3 * 4}
        assert not gpu.races


@pytest.fixture
def spaces(preprocessed, tmp_path):
    """Two copies of the dataset."""
    return [copy_of(preprocessed, tmp_path / name) for name in ("one", "two")]


def _weights(workspace):
    fold = dataset_paths(NAME, workspace).run().fold(0)
    return checkpoints.load(fold.final)["inference_weights"], fold.log.read_text()


def test_the_command_keeps_cases_on_the_device_where_they_fit(spaces, pretended_cuda, monkeypatch):
    read, real = [], CaseReader._read
    monkeypatch.setattr(CaseReader, "_read", lambda s, case: read.append(case) or real(s, case))
    words = ["--epochs", "3", "--set", *LEARNS]
    with pretended_cuda() as gpu:
        train_on(spaces[0], "cuda:0", *words)
        # Four training cases for the device and once more for the features after the last epoch;
        # four validation cases, which are kept in main memory, the first once for its shape.
        assert len(read) == 2 * 4 + 4 + 1
        train_on(spaces[1], "cuda:0", "--device_cache_gb", "0", *words)
        assert not gpu.races
    (kept, said), (loaded, other) = map(_weights, spaces)
    assert all(torch.equal(kept[name], loaded[name]) for name in kept)
    assert "All training cases are kept on the device" in said
    assert "The main process loads the training cases." in other


@pytest.mark.parametrize(
    ("card", "words", "kept"),
    [
        (Card(memory=GIB, taken=GIB - 3 * 10**6), (), True),
        # The step of the plan takes all: 0.8 of 3 MB are left for it.
        (Card(memory=GIB, taken=GIB - 3 * 10**6), ("step",), False),
        (Card(), ("--device_cache_gb", "1e-5"), False),  # 10 kB of 24
        (Card(), ("--device_cache_gb", "1e-4"), True),
    ],
    ids=["fits", "step is larger", "less was wished", "as much was wished"],
)
def test_cases_are_kept_beside_the_step_alone(spaces, pretended_cuda, card, words, kept):
    if words == ("step",):
        file = dataset_paths(NAME, spaces[0]).plan()
        plan = documents.read(Plan, file)
        memory = dataclasses.replace(plan.memory, activations=10**7)
        documents.write(file, dataclasses.replace(plan, memory=memory))
        words = ()
    with pretended_cuda(cards=(card,)):
        train_on(spaces[0], "cuda:0", *words, "--set", *LEARNS)
    assert ("are kept on the device" in _weights(spaces[0])[1]) is kept


def test_where_the_device_has_no_room_after_all_cases_are_loaded(source, pretended_cuda, caplog):
    flow = data_flow(source.plan, CUDA, 8, 2, free_of_device=GIB, num_workers=0)
    with caplog.at_level(logging.INFO), pretended_cuda() as gpu:
        gpu.memory().limit = 7 * 3 * 8**3 * 4  # another program has taken the rest meanwhile
        batches = open_batches(flow, source, 0, CUDA)
        assert batches._kept is None
        assert next(batches).images.shape == (2, 3, 8, 8, 8)
    assert "no memory for the training cases: they are loaded" in caplog.text


def test_a_cpu_keeps_no_cases_twice(source):
    flow = data_flow(source.plan, torch.device("cpu"), 8, 2, free_of_device=GIB)
    assert not flow.is_on_device


def test_what_loads_is_bounded_by_main_memory_and_follows_the_cores(monkeypatch, source):
    monkeypatch.setattr(module, "available_memory", lambda: 512 * GIB)
    large = dataclasses.replace(source.plan, input_size=(224, 224, 224))  # 0.126 GiB a sample
    flow = data_flow(large, CUDA, 74, 12, free_of_device=None, cores=64)
    assert flow.num_workers == 31  # 32 are the most; 16 GiB hold 31 of 0.38 GiB and a sample each
    # 18 slots were as many batches: 27 GiB. Now 16 GiB and three page-locked batches, at most.
    assert 12 * GIB < flow.loading_bytes <= (16 + 3 * 12 * 0.126) * GIB
    assert "Processes that load the training cases: 31" in flow.description
    elsewhere = data_flow(large, torch.device("cpu"), 74, 12, free_of_device=None, num_workers=31)
    assert flow.loading_bytes - elsewhere.loading_bytes == 3 * 12 * 3 * 4 * 224**3
    small = data_flow(large, CUDA, 74, 12, free_of_device=None, cores=64, free=8 * GIB)
    assert small.num_workers == 3  # 2 GiB hold three of 0.38 GiB with a sample each, and two slots
    assert small.n_slots >= 2
    assert small.loading_bytes <= (2 + 0.26 + 3 * 12 * 0.126) * GIB
    wished = data_flow(large, CUDA, 74, 12, free_of_device=None, num_workers=8, free=8 * GIB)
    assert (wished.num_workers, wished.n_slots) == (8, 2)
