"""The ways to what a network says with a window hidden, and the choice between them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
from torch import nn

from ricenet_v2.core.errors import PlanError
from ricenet_v2.explanation.occlusion.batches import Numbers, Progress, in_batches, silent
from ricenet_v2.explanation.occlusion.full import FullPass
from ricenet_v2.explanation.occlusion.incremental import IncrementalPass
from ricenet_v2.explanation.occlusion.memory import batch_for
from ricenet_v2.explanation.occlusion.prepared import Occlusions
from ricenet_v2.explanation.occlusion.settings import Method
from ricenet_v2.explanation.occlusion.traced_network import UnknownStepError
from ricenet_v2.explanation.occlusion.windows import Windows

_LOGGER = logging.getLogger(__name__)


class Pass(Protocol):
    """Passes from windows to logits.

    Attributes:
        whole: Logits (1, classes) without any window.
        forward_passes: Work so far, in whole forward passes of one image.
        kept: Bytes that it keeps.
        is_exact: Whether logits are those of whole forward passes, to rounding.
        words: Description of the method in one sentence.
    """

    whole: torch.Tensor
    forward_passes: float
    kept: int
    is_exact: bool
    words: str

    def logits(self, numbers: Numbers) -> torch.Tensor:
        """Logits (windows, classes) of the images with one of these windows hidden each."""


def choose_pass(network: nn.Module, occlusions: Occlusions, method: Method) -> Pass:
    """The pass of a method; `auto` and `coarse` take the incremental one where it is exact.

    Raises:
        PlanError: `incremental`, and the network is not made of steps that are known.
    """
    try:
        if method != "full":
            incremental = IncrementalPass(network, occlusions)
            if incremental.is_exact or method == "incremental":
                return incremental
            del incremental  # and with it the maps that it keeps
        return IncrementalPass(network, occlusions, only_first=True)
    except UnknownStepError as error:
        if method == "incremental":
            raise PlanError(
                "Incremental occlusion cannot trace this network.",
                expected="convolutions, pools, batch or instance norm, nonlinearities, additions",
                got=error,
                remedy="Take the method full.",
            ) from error
        _LOGGER.info("Whole forward passes: %s.", error)
        return FullPass(network, occlusions)


class Runner:
    """Runs a pass over windows in batches that the memory takes."""

    def __init__(
        self, network: nn.Module, occlusions: Occlusions, passes: Pass, progress: Progress = silent
    ) -> None:
        """Find the batch: that of the settings, or the largest for their memory."""
        settings, self._pass, self._progress = occlusions.settings, passes, progress
        self._order = order(occlusions.windows)
        self.batch = settings.batch or batch_for(
            settings.memory_gb,
            passes.logits,
            widest(occlusions.windows),
            _tensors(network),
            passes.kept,
        )
        passes.forward_passes = 0.0

    def logits(self, numbers: Numbers) -> torch.Tensor:
        """Logits (windows, classes) on the CPU, in the order of the numbers."""
        sorted_ = numbers[np.argsort(self._order[numbers], kind="stable")]
        logits = in_batches(sorted_, self.batch, self._pass.logits, self._progress)
        back = np.argsort(np.argsort(self._order[numbers], kind="stable"))
        return logits[torch.from_numpy(back)]


def _tensors(network: nn.Module) -> Iterable[torch.Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def _depths(windows: Windows) -> Numbers:
    """Voxels from each window to the nearer end of each axis, (windows, 3)."""
    after = np.asarray(windows.shape) - windows.size - windows.starts
    return np.minimum(windows.starts, after)


def widest(windows: Windows) -> Numbers:
    """Windows that lie the deepest along one axis each: no batch changes larger boxes."""
    return np.unique(_depths(windows).argmax(axis=0))


def order(windows: Windows) -> Numbers:
    """Sorts windows so that neighbours lie equally deep along all axes, (windows,).

    A batch computes boxes of one size, that of its largest; near the ends of an axis boxes are
    cut by the end of the map. Bits of the three depths take turns (Morton 1966).
    """
    depths = _depths(windows)
    code = np.zeros(len(windows), dtype=np.int64)
    for bit in range(int(depths.max()).bit_length()):
        for axis in range(3):
            code |= ((depths[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code
