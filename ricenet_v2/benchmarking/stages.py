"""The stages around a training step, each measured by itself with the functions that run it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from ricenet_v2.benchmarking.timing import Bench, Peak, TimingRounds, seconds_of
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.inference.test_time_augmentation import mirrorings
from ricenet_v2.preprocessing.cohort import preprocess_case
from ricenet_v2.records.benchmark import Stage
from ricenet_v2.store import checkpoints
from ricenet_v2.store.cases import read_record
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.host_copies import HostCopies
from ricenet_v2.training.job import Job
from ricenet_v2.training.loop import predict_cases
from ricenet_v2.training.source import Source
from ricenet_v2.training.state import full_state
from ricenet_v2.training.wrapping import precision

LIMITS = {"step": 1.10, "waiting": 0.05, "memory": 1.10}
"""Largest ratios: everything over bare, waiting over everything, memory taken over stated."""
STEP, VALIDATION, COPYING = "step with everything", "validating one case", "copying the state"
"""Names of the stages that an epoch is made of."""
_SAMPLES, _CASES = 16, 8


def steps(job: Job, turns: TimingRounds) -> Iterator[Stage]:
    """The bare step, the step with everything, and what of it is waiting."""
    training = job.plan.training
    yield _stage(
        "bare step",
        turns.bare,
        f"{training.accumulation_steps} x batch of {training.batch_size}, "
        f"{precision(job.device, training)}",
    )
    yield Stage(
        name=STEP,
        unit="s",
        rounds=turns.everything,
        measured=statistics.median(turns.everything),
        against="bare step",
        reference=statistics.median(turns.bare),
        ratio=turns.ratio,
        limit=LIMITS["step"],
    )
    yield Stage(
        name="waiting for data in a step",
        unit="s",
        rounds=turns.waiting,
        measured=statistics.median(turns.waiting),
        against=STEP,
        reference=statistics.median(turns.everything),
        ratio=turns.waiting_share,
        limit=LIMITS["waiting"],
        note="training cases on the device"
        if job.flow.is_on_device
        else f"loading processes: {job.flow.num_workers}",
    )


def reading(job: Job) -> Stage:
    """Reading each training case once, as the first epoch does; those that fit stay in memory."""
    seconds, kept = [], min(job.reader.n_kept, len(job.train))
    for case in job.train[: max(_CASES, kept)]:
        start = time.perf_counter()
        job.reader(case)
        seconds.append(time.perf_counter() - start)
    note = f"{kept} of {len(job.train)} training cases fit the memory for them"
    if job.flow.is_on_device:
        note = "each once, before the first epoch: they are kept on the device"
    return _stage("reading one case", seconds, note)


def augmentation(job: Job, rounds: int) -> Stage:
    """Augmenting, as the loader does: whole batches on CUDA, else one sample after the other."""
    source = Source(job.reader, job.labels, job.plan, job.seed)
    on_cuda = job.device.type == "cuda"
    where = job.device if on_cuda else torch.device("cpu")
    size = job.plan.training.batch_size if on_cuda else 1
    image = torch.from_numpy(job.reader(job.train[0]))
    images = image.expand(size, *image.shape).contiguous().to(where)
    starts = range(0, _SAMPLES, size)

    def work() -> None:
        for start in starts:
            augment(images, source.draws(0, range(start, start + size)), job.plan)

    n_samples = len(starts) * size
    seconds = _repeated(work, where, rounds, n_samples)
    return _stage("augmenting one sample", seconds, f"mean of {n_samples} samples, {where.type}")


def preprocessing(job: Job, raw: RawDataset, rounds: int) -> Iterator[Stage]:
    """Preprocessing a case from its files to its files; nothing where no images are there."""
    cases = [case for case in raw.split("train") if all(p.is_file() for p in raw.images(case))]
    if not cases:
        return
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            start = time.perf_counter()
            preprocess_case(raw, cases[number % len(cases)], job.plan, Path(folder), overwrite=True)
            seconds.append(time.perf_counter() - start)
    # The first one warms up.
    yield _stage("preprocessing one case", seconds[1:], "one process, from files to files")


def prediction(job: Job, bench: Bench, n_folds: int, rounds: int) -> Stage:
    """Predicting a preprocessed case by an ensemble, for which one network stands several times."""
    members = dict.fromkeys(range(n_folds), bench.state.network.eval())
    ensemble = Ensemble(job.plan, job.dataset, members, job.device, {})
    case = job.validation[0]
    array, record = job.reader(case), read_record(job.reader.folder, case)
    seconds = _repeated(lambda: ensemble.predict(array, record), job.device, rounds)
    note = f"{n_folds} networks, {n_mirrorings(job)} mirrorings, after preprocessing"
    return _stage("predicting one case", seconds, note)


def n_mirrorings(job: Job) -> int:
    """Passes of a network for a case that is predicted."""
    return len(mirrorings(job.plan.training.augmentation.mirror_axes))


def validation(job: Job, bench: Bench, rounds: int) -> Stage:
    """Predicting a validation case without mirroring, as after each epoch."""
    cases = job.validation[:_CASES]

    def work() -> None:
        predict_cases(bench.state.network, job.reader, cases, job.process_group)

    return _stage(VALIDATION, _repeated(work, job.device, rounds, len(cases)), "after each epoch")


def saving(job: Job, bench: Bench, rounds: int) -> Iterator[Stage]:
    """Copying the state that training goes on from, and writing it."""
    copies = HostCopies()

    def copy() -> None:
        copies.give_back(copies.of(full_state(job, bench.state)))

    yield _stage(COPYING, _repeated(copy, job.device, rounds), "after each epoch, in main memory")
    state = copies.of(full_state(job, bench.state)).state
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pth"
        seconds = _repeated(lambda: checkpoints.save(path, state), torch.device("cpu"), rounds)
    yield _stage("writing a checkpoint", seconds, "by a thread, at most once a minute")


def memory(job: Job, peak: Peak) -> Iterator[Stage]:
    """Memory of tensors on a CUDA device, against the plan; compared at equal precision."""
    if peak.allocated is None:
        return
    taken, stated = peak.allocated, job.plan.memory
    have, counted = precision(job.device, job.plan.training), stated.precision
    ratio = taken / stated.total if stated.total else None
    yield Stage(
        name="peak memory",
        unit="bytes",
        rounds=(float(taken),),
        measured=float(taken),
        against="stated by the plan",
        reference=float(stated.total),
        ratio=ratio,
        limit=LIMITS["memory"] if have == counted else None,
        note="" if have == counted else f"trains in {have}, the plan counted {counted}",
    )


def _stage(name: str, rounds: Sequence[float], note: str) -> Stage:
    return Stage(name, "s", tuple(rounds), statistics.median(rounds), note=note)


def _repeated(
    work: Callable[[], object], device: torch.device, rounds: int, parts: int = 1
) -> list[float]:
    """Seconds of a part of some work in each round, after one that warms up."""
    work()
    return [seconds_of(work, device) / parts for _ in range(rounds)]
