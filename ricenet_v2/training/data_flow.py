"""Flow of the training cases: from the device's memory, or by a number of processes.

A property of the machine, not of the plan, and of no influence on any result.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import torch

from ricenet_v2.core.device_faults import lacks_device_memory
from ricenet_v2.core.machine import GIB, n_cores
from ricenet_v2.core.memory import available_memory
from ricenet_v2.records.plan import Plan
from ricenet_v2.training import memory
from ricenet_v2.training.device_cases import DeviceCases
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.source import Source
from ricenet_v2.training.workers import default_workers, samples_ahead

logger = logging.getLogger(__name__)

_MOST_LOADING_BYTES = 16 * GIB
"""Largest memory of loading processes and of prefetched samples, however much is free."""
_SHARE_FOR_LOADING = 0.25
_FEWEST_SLOTS = 2


@dataclass(frozen=True)
class DataFlow:
    """Flow of the training cases to the network.

    Attributes:
        is_on_device: Whether all training cases lie on the device; then nothing is loaded.
        num_workers: Processes that load; those that would, where cases lie on the device.
        n_slots: Samples that may lie ready in shared memory.
        case_bytes: Memory of the device that all training cases take.
        loading_bytes: Main memory of the processes, the samples and page-locked batches.
    """

    is_on_device: bool
    num_workers: int
    n_slots: int
    case_bytes: int
    loading_bytes: int

    @property
    def loading_processes(self) -> int:
        """Processes that are started."""
        return 0 if self.is_on_device else self.num_workers

    @property
    def main_memory(self) -> int:
        """Bytes of main memory, without what the reader keeps."""
        return 0 if self.is_on_device else self.loading_bytes

    @property
    def description(self) -> str:
        """Description of the choice, for the log."""
        if self.is_on_device:
            return (
                f"All training cases are kept on the device ({self.case_bytes / GIB:.3g} GiB); "
                "nothing is loaded while it trains."
            )
        if not self.num_workers:
            return "The main process loads the training cases."
        return (
            f"Processes that load the training cases: {self.num_workers}; {self.n_slots} samples "
            f"may lie ready ({self.loading_bytes / GIB:.3g} GiB of main memory in all)."
        )


def data_flow(
    plan: Plan,
    device: torch.device,
    n_train: int,
    batch_size: int,
    *,
    free_of_device: int | None,
    num_workers: int | None = None,
    cores: int | None = None,
    free: int | None = None,
) -> DataFlow:
    """Choose.

    Args:
        plan: Size of the cases.
        device: Where the network is trained.
        n_train: Training cases.
        batch_size: Samples of a step of this process.
        free_of_device: Bytes of a CUDA device for training cases; None keeps none there.
        num_workers: Processes that load, as the user says; None leaves it to the cores and to main
            memory.
        cores: Cores that this training may use; those of this process where None.
        free: Free bytes of main memory that this training may use; those of the machine where None.
    """
    cases = n_train * memory.stored_bytes(plan)
    sample, room = memory.sample_bytes(plan), _room(free)
    workers = num_workers
    if workers is None:
        workers = default_workers(device, cores=cores)
        if workers:
            workers = max(1, min(workers, room // (memory.worker_bytes(plan) + sample)))
    processes = workers * memory.worker_bytes(plan)
    slots = max(_FEWEST_SLOTS, (room - processes) // sample)
    slots = min(slots, samples_ahead(workers) + 1) if workers else 0
    locked = memory.locked_bytes(plan, batch_size) if device.type == "cuda" else 0
    return DataFlow(
        is_on_device=device.type == "cuda" and cases <= (free_of_device or 0),
        num_workers=workers,
        n_slots=slots,
        case_bytes=cases,
        loading_bytes=processes + slots * sample + locked,
    )


def least_loading_bytes(plan: Plan, num_workers: int | None = None) -> int:
    """Main memory with which a training loads by so many processes, or by one where None."""
    workers = 1 if num_workers is None else num_workers
    slots = _FEWEST_SLOTS if workers else 0
    return workers * memory.worker_bytes(plan) + slots * memory.sample_bytes(plan)


def _room(free: int | None) -> int:
    """Bytes for processes that load and samples that lie ready."""
    free = available_memory() if free is None else free
    if free is None:
        return _MOST_LOADING_BYTES
    return min(_MOST_LOADING_BYTES, int(_SHARE_FOR_LOADING * free))


def free_beside_step(plan: Plan, batch_size: int, device: torch.device) -> int:
    """Bytes of a CUDA device that a training step leaves, with something to spare.

    Args:
        plan: Plan with the memory of a step.
        batch_size: See `memory.step_bytes`.
        device: Is asked.
    """
    try:
        torch.cuda.empty_cache()  # of an earlier fold of this process
        free = torch.cuda.mem_get_info(device)[0]
    except RuntimeError:  # the training there reports it
        return 0
    return max(0, int(memory.SHARE_OF_MEMORY * free) - memory.step_bytes(plan, batch_size))


def open_batches(
    flow: DataFlow, source: Source, first_epoch: int, device: torch.device
) -> TrainingBatches:
    """Begin the stream of batches; where the device has no room for the cases they are loaded.

    Raises:
        DatasetError: A case that is to lie on the device is missing or damaged.
    """
    kept = _kept(source, device) if flow.is_on_device else None
    if flow.is_on_device and kept is None:
        torch.cuda.empty_cache()
        logger.warning("The device has no memory for the training cases: they are loaded.")
        flow = replace(flow, is_on_device=False)
    logger.info("%s", flow.description)
    return TrainingBatches(
        source,
        first_epoch,
        flow.loading_processes,
        device,
        n_slots=flow.n_slots or None,
        device_cases=kept,
    )


def _kept(source: Source, device: torch.device) -> DeviceCases | None:
    """All training cases on the device; None where its memory has run out."""
    cases, dtype = sorted(source.labels), source.plan.storage_dtype
    try:
        return DeviceCases(source.reader, cases, device, dtype, n_cores())
    except RuntimeError as error:
        if not lacks_device_memory(error):
            raise
    return None
