"""The processes that train one network together, started by torchrun; or the only one."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from ricenet_v2.core.errors import RicenetError, TrainingError
from ricenet_v2.network.device import resolve_device
from ricenet_v2.training.stop_signal import Stopped, StopSignal

_FINE, _STOP, _FAULT = 0, 1, 2
_TO_LET_GO = 0.5
"""Seconds. Wrapped networks keep the group and its threads alive beyond its end (torch 2.14), and a
thread that lets go of its last tensor while Python ends seems to abort the process: seen once, on a
machine that was busy."""


@dataclass(frozen=True)
class ProcessGroup:
    """One process of a process group.

    Attributes:
        rank: Rank of this process; 0 writes the files and the messages.
        size: Number of processes.
        device: Where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over the processes, on the CPU."""
        if self.size == 1:
            return values
        there = values.to(self.device)
        distributed.all_reduce(there)
        return there.cpu()

    def wait(self) -> None:
        """Wait until all processes have reached this point."""
        if self.size > 1:
            self.sum(torch.zeros(1))

    @contextmanager
    def agreed(self, stop: StopSignal | None = None) -> Iterator[None]:
        """Run the block in every process; then all continue, or all raise the same error.

        The block must not wait for the other processes.

        Args:
            stop: Looked at after the block.

        Raises:
            TrainingError: The block failed in some process; its text is that of the first.
            Stopped: Some process was asked to end.
        """
        fault: Exception | None = None
        try:
            yield
        except Exception as error:
            if self.size == 1:
                raise
            fault = error
        verdict = _FAULT if fault else _STOP if stop is not None and stop.requested else _FINE
        if self.size > 1:
            verdict = self._worst(verdict)
        if verdict == _FAULT:
            self._raise(fault)
        if verdict == _STOP:
            raise Stopped

    def _worst(self, verdict: int) -> int:
        there = torch.tensor(verdict, device=self.device)
        distributed.all_reduce(there, distributed.ReduceOp.MAX)
        return int(there)

    def _raise(self, fault: Exception | None) -> None:
        message = None
        if fault is not None:
            lines = traceback.format_exception(fault)
            message = str(fault) if isinstance(fault, RicenetError) else "".join(lines)
        texts: list[str | None] = [None] * self.size
        distributed.all_gather_object(texts, message)
        rank, text = next((rank, text) for rank, text in enumerate(texts) if text is not None)
        raise TrainingError(f"{text}\n  process: {rank} of {self.size}") from fault


@contextmanager
def joined(device: str | None = None) -> Iterator[ProcessGroup]:
    """The process group that torchrun made, by NCCL on CUDA and Gloo on the CPU, else one process.

    Args:
        device: `cuda`, `mps` or `cpu`; the best there is where None.

    Raises:
        TrainingError: The device is not available, or cannot be shared by processes.
    """
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield ProcessGroup(0, 1, resolve_device(device))
        return
    chosen = resolve_device(device)
    if chosen.type == "cuda":
        chosen = resolve_device(f"cuda:{distributed.get_node_local_rank()}")
        torch.cuda.set_device(chosen)
    if chosen.type == "mps":
        raise TrainingError(
            "One Apple GPU cannot be shared by several processes.",
            expected="cuda or cpu under torchrun",
            got=chosen,
            remedy="Start ricenet_train without torchrun, or add --device cpu.",
        )
    backend = "nccl" if chosen.type == "cuda" else "gloo"
    distributed.init_process_group(backend)
    try:
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), chosen)
    finally:
        distributed.destroy_process_group()
        if backend == "gloo":
            time.sleep(_TO_LET_GO)
