import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.store.cases import read_array
from ricenet_v2.training import sample_loader
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw_named
from ricenet_v2.training.batch_partition import BatchPartition
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.sample_loader import SampleLoader
from ricenet_v2.training.sampler import epoch_cases
from ricenet_v2.training.source import Source
from ricenet_v2.training.workers import Workers, default_workers, settle_worker


@pytest.fixture
def source(tmp_path, make_plan, write_cases, everything):
    plan = make_plan(**everything, accumulation_steps=2)
    labels = write_cases(tmp_path, plan, 6)
    return Source(CaseReader(tmp_path, range(4), 10**6, list(labels)), labels, plan, seed=3)


def _shared(source: Source, share: BatchPartition) -> Source:
    return Source(source.reader, source.labels, source.plan, source.seed, share)


def _take(source: Source, workers: int, count: int, first_epoch: int = 0):
    batches = TrainingBatches(source, first_epoch, workers)
    try:
        return [next(batches) for _ in range(count)]
    finally:
        batches.close()


def _go_on(batches: TrainingBatches) -> None:
    for _ in range(100):
        next(batches)


def _same(first, second) -> bool:
    return all(
        a.case_ids == b.case_ids
        and torch.equal(a.targets, b.targets)
        and torch.equal(a.images, b.images)
        for a, b in zip(first, second, strict=True)
    )


def test_a_batch_holds_the_augmented_cases_of_the_sampler(source):
    batch = _take(source, 0, 2)[1]
    cases = epoch_cases(source.labels, 16, source.seed, 0)[2:4]
    assert batch.case_ids == tuple(cases)
    names = list(source.plan.classes)
    assert batch.targets.tolist() == [names.index(source.labels[case]) for case in cases]
    for position, case, image in zip((2, 3), cases, batch.images, strict=True):
        original = torch.from_numpy(read_array(source.reader.folder, case))
        drawn = draw_named(source.plan, source.seed, 0, position)
        assert torch.equal(image, augment(original[None], [drawn], source.plan)[0])


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batches_are_the_same_for_any_number_of_workers(source, workers):
    assert _same(_take(source, workers, 10), _take(source, 0, 10))


def test_a_later_epoch_begins_where_an_uninterrupted_stream_would_be(source):
    n_steps = source.steps_per_epoch
    assert n_steps == 8
    assert _same(_take(source, 2, 3, first_epoch=1), _take(source, 0, n_steps + 3)[n_steps:])


@pytest.mark.parametrize(("accumulation", "batch", "world"), [(2, 2, 2), (4, 1, 2), (1, 4, 2)])
def test_together_the_processes_see_the_samples_of_one_process(
    source, make_plan, everything, accumulation, batch, world
):
    plan = make_plan(**everything, accumulation_steps=accumulation, batch_size=batch)
    alone = Source(source.reader, source.labels, plan, source.seed)
    expected = {}
    for step, one in enumerate(_take(alone, 0, alone.steps_per_epoch * 2)):
        epoch, step_of_epoch = divmod(step, alone.steps_per_epoch)
        for offset, image in enumerate(one.images):
            name = epoch, step_of_epoch * batch + offset
            expected[name] = (one.case_ids[offset], one.targets[offset], image)
    seen = 0
    for rank in range(world):
        own = _shared(alone, BatchPartition(rank, world))
        for step, one in enumerate(_take(own, 0, own.steps_per_epoch * 2)):
            epoch, step_of_epoch = divmod(step, own.steps_per_epoch)
            for offset, position in enumerate(own.places(step_of_epoch)):
                case, target, image = expected.pop((epoch, position))
                assert case == one.case_ids[offset]
                assert target == one.targets[offset]
                assert torch.equal(image, one.images[offset])
                seen += 1
    assert not expected
    assert seen == alone.steps_per_epoch * 2 * batch


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_case_is_named_with_what_to_do(source, workers):
    for path in source.reader.folder.glob("case03.b2nd"):
        path.write_bytes(b"nothing")
    batches = TrainingBatches(source, 0, workers)
    with pytest.raises(TrainingError, match="Run ricenet_plan_and_preprocess ") as caught:
        _go_on(batches)
    assert caught.value.case == "case03"
    assert "Traceback" not in str(caught.value)
    batches.close()
    assert not multiprocessing.active_children()


def test_what_nobody_foresaw_is_told_with_its_traceback(source, monkeypatch):
    def failing(*given):
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(sample_loader, "augment", failing)
    with pytest.raises(TrainingError, match=r"Traceback[\s\S]*unforeseen"):
        next(TrainingBatches(source, 0, 0))


def test_closing_twice_leaves_no_process(source):
    batches = TrainingBatches(source, 0, 2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    batches.close()
    assert not multiprocessing.active_children()


def test_a_killed_worker_ends_in_an_error_that_says_so(source):
    batches = TrainingBatches(source, 0, 2)
    next(batches)
    os.kill(batches._workers.processes[1].pid, signal.SIGKILL)
    with pytest.raises(TrainingError, match="killed by SIGKILL"):
        _go_on(batches)
    assert not multiprocessing.active_children()


def test_workers_leave_sigterm_to_their_parent(source):
    """Batch systems send it to all processes of a group, and the update is still to be ended."""
    expected = _take(source, 0, 30)
    batches = TrainingBatches(source, 0, 2)
    taken = [next(batches) for _ in range(2)]  # one of each process, which is settled then
    for process in batches._workers.processes:
        os.kill(process.pid, signal.SIGTERM)
    taken += [next(batches) for _ in range(28)]  # more than could lie ready
    assert batches.ahead < 28
    batches.close()
    assert _same(taken, expected)
    assert not multiprocessing.active_children()


TWO_WORKERS = """
from ricenet_v2.training.workers import Workers, settle_worker
class Loader:
    def set_thread_id(self, number): settle_worker()
    def __next__(self): return {'data': 0}
if __name__ == '__main__':
    workers = Workers(Loader(), 2)
    next(workers)
"""
"""Beginning of a program with two processes that load."""


def test_workers_that_nobody_closed_are_ended_with_the_program(tmp_path):
    script = tmp_path / "forgets.py"
    script.write_text(
        f"{TWO_WORKERS}"
        "    type(workers._augmenter).__del__ = lambda self: None\n"
        "    print(*(p.pid for p in workers.processes), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=True
    )
    assert not any(_runs(int(pid)) for pid in done.stdout.split())
    assert not done.stderr


class _OneBatch:
    """Makes one batch and is busy ever after."""

    def __init__(self):
        self.done = False

    def set_thread_id(self, number):
        settle_worker()

    def __next__(self):
        if self.done:
            time.sleep(60)
        self.done = True
        return {"data": 0}


class _Zeros:
    def set_thread_id(self, number):
        settle_worker()

    def __next__(self):
        return {"data": 0}


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_killed_in_the_middle_of_a_batch_is_no_hang(count):
    """The thread that hands batches over then waits for the rest of a message for ever."""
    workers = Workers(_OneBatch(), count)
    for _ in range(count):
        next(workers)
    thread = workers._augmenter.pin_memory_thread
    # A message that says it has a million bytes, and the first of them.
    half = struct.pack("!i", 10**6) + bytes(100)
    os.write(workers._augmenter._queues[0]._writer.fileno(), half)
    time.sleep(0.3)
    os.kill(workers.processes[0].pid, signal.SIGKILL)
    with pytest.raises(TrainingError, match="SIGKILL"):
        next(workers)
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert not multiprocessing.active_children()


def test_workers_do_not_outlive_a_killed_parent(tmp_path, source):
    script = tmp_path / "parent.py"
    script.write_text(
        f"import time\n{TWO_WORKERS}"
        "    print(*(p.pid for p in workers.processes), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_one_worker_has_read_is_there_for_all(source):
    _take(source, 2, 8)
    for path in source.reader.folder.glob("*.b2nd"):
        path.unlink()
    assert all(np.isfinite(source.reader(case)).all() for case in source.labels)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_as_many_samples_lie_ahead_as_the_queues_of_batchgenerators_hold(count):
    workers = Workers(_Zeros(), count)
    augmenter = workers._augmenter
    held = augmenter.pin_memory_queue.maxsize + 1
    held += sum(queue._maxsize + 1 for queue in augmenter._queues)
    assert workers.ahead == held
    workers.close()
    with pytest.raises(TrainingError, match="ended"):
        next(workers)


def test_no_batch_is_overwritten_before_it_is_taken(source, monkeypatch):
    """The workers fill every slot of the ring while nobody takes anything; then all are right."""
    expected = _take(source, 0, 20)
    batches = TrainingBatches(source, 0, 2)
    ring = batches._ring._arrays
    first = next(batches)
    deadline = time.monotonic() + 20
    while sum(ring._filled) < ring.n_slots and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    taken = [first, *(next(batches) for _ in range(19))]
    batches.close()
    assert _same(taken, expected)


def test_images_go_through_shared_memory_and_not_through_the_pipe(source):
    batches = TrainingBatches(source, 0, 1)
    made = next(batches._stream)
    batches.close()
    assert made["data"] is None


def test_without_shared_memory_the_images_are_sent(source):
    expected = _take(source, 0, 3)
    batches = TrainingBatches(source, 0, 0)
    batches.close()
    loader = SampleLoader(source, 0, 1, augments=True)
    sent = [loader.generate_train_batch()["data"] for _ in range(6)]
    images = [image for batch in expected for image in batch.images]
    assert all(np.array_equal(a, b) for a, b in zip(sent, images, strict=True))


@pytest.mark.parametrize(
    ("device", "cores", "world_size", "expected"),
    [
        ("cpu", 1, 1, 0),
        ("cpu", 16, 1, 1),
        ("cpu", 2, 2, 0),
        ("cuda", 2, 1, 1),
        ("cuda", 24, 1, 23),
        ("cuda", 64, 1, 32),
        ("cuda", 8, 4, 1),
    ],
)
def test_workers_leave_cores_to_the_step(monkeypatch, device, cores, world_size, expected):
    monkeypatch.setattr("ricenet_v2.training.workers.n_cores", lambda: cores)
    assert default_workers(torch.device(device), world_size) == expected
