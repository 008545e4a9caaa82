"""The ordered ladder of layouts, and the first of them whose training step fits.

It fits the memory, and no tensor of it has more elements than 32-bit indices reach: whether
convolutions and their gradients are right beyond has not been verified on any GPU.

Down the ladder neither the voxels along any axis nor the batch ever grow, and the ladder itself
does not depend on the memory. So more memory, which can only stop the descent earlier, never gives
a smaller input or a smaller batch. Counting a step takes a good part of a second, so the ladder is
bisected, and every rung above the one found is then either counted too or known to be too large:
by a bound from below, or since the same network with the same batch was already too large with a
smaller input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.machine import GIB
from ricenet_v2.core.types import Shape
from ricenet_v2.planning.spacing import text_of
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.decision import Alternative
from ricenet_v2.records.plan_parts import MemoryEstimate, NetworkPlan, Precision, Triple

MOST_ELEMENTS = 2**31 - 1
"""Largest number of elements of a feature map: samples times channels times voxels."""
_TOO_LARGE_MAP = "over the 2,147,483,647 up to which convolutions on a GPU are assumed to be right"
WITH_CHECKPOINTING = "with activation checkpointing"
_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
_IMAGE_BYTES = 4
_LISTED = 12


@dataclass(frozen=True)
class Candidate:
    """One layout of the ladder.

    Attributes:
        spacing: mm along (z, y, x).
        region: Voxels of the usual region of a patient at this spacing, (z, y, x).
        input_size: Voxels that the network sees, (z, y, x).
        variant: Name of the network among larger and smaller ones, e.g. `full`.
        network: The network.
        batch: Samples per step.
        checkpointing: Whether its activations are checkpointed.
    """

    spacing: Triple
    region: Shape
    input_size: Shape
    variant: str
    network: NetworkPlan
    batch: int
    checkpointing: bool = False

    @property
    def voxels(self) -> int:
        """Voxels of one input channel."""
        return math.prod(self.input_size)

    def is_part_of(self, other: Candidate) -> bool:
        """Whether it is the same network and batch with an input that is nowhere larger."""
        same = (self.network, self.batch, self.checkpointing)
        return (
            same == (other.network, other.batch, other.checkpointing)
            and self.voxels < other.voxels
            and all(a <= b for a, b in zip(self.input_size, other.input_size, strict=True))
        )


@dataclass(frozen=True)
class MemoryBudget:
    """The memory of a training step and how to determine what a candidate needs.

    Attributes:
        limit_gb: Memory allowed, GiB.
        n_channels: Input channels.
        precision: Precision of the step.
        measure: Counts the step of a candidate.
    """

    limit_gb: float
    n_channels: int
    precision: Precision
    measure: Callable[[Candidate], MemoryEstimate]

    @property
    def limit(self) -> float:
        """Limit in bytes."""
        return self.limit_gb * GIB


@dataclass(frozen=True)
class LadderResult:
    """The candidate that fits, what it needs, and all that was too large before it."""

    chosen: Candidate
    memory: MemoryEstimate
    rejected: tuple[Alternative, ...]

    def listed(self) -> tuple[Alternative, ...]:
        """Rejected layouts; of a longer list the first and last 12."""
        if len(self.rejected) <= 2 * _LISTED:
            return self.rejected
        return self.rejected[:_LISTED] + self.rejected[-_LISTED:]


def least_bytes(candidate: Candidate, n_channels: int, precision: Precision) -> int:
    """A bound from below, so that what is far too large need not be built.

    Weights aside, the batch and the next one are there, and when the norm behind the first
    convolution is differentiated, its input, the gradient it gets and the one it gives.
    """
    stem = least_elements(candidate.network, candidate.input_size, candidate.batch)
    images = 2 * n_channels * candidate.voxels * candidate.batch
    return 3 * stem * _BYTES[precision] + images * _IMAGE_BYTES


def least_elements(network: NetworkPlan, input_size: Shape, batch: int) -> int:
    """A bound from below of the largest feature map: that of the first convolution."""
    features, stride = ARCHITECTURES[network.architecture].first_maps(network)
    stem = math.prod(-(-n // s) for n, s in zip(input_size, stride, strict=True))
    return batch * features * stem


def is_about_maps(alternative: Alternative) -> bool:
    """Whether a layout was rejected for the elements of a map, not for its memory."""
    return _TOO_LARGE_MAP in alternative.reason


def with_checkpointing(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Insert after each rung the same with checkpointing: finer spacing for more time."""
    for candidate in candidates:
        yield candidate
        yield replace(candidate, checkpointing=True)


def first_that_fits(
    candidates: Iterable[Candidate], budget: MemoryBudget, remedy: str
) -> LadderResult:
    """The first candidate of the ladder whose step fits.

    Args:
        candidates: The ladder; at least one.
        budget: Memory that must not be exceeded.
        remedy: Advice to the user when nothing fits.

    Raises:
        PlanError: Nothing fits; the text says what the last candidate needs.
    """
    search = _Search(tuple(candidates), budget)
    first = search.first()
    rejected = tuple(search.rejected(index) for index in range(first))
    if first < len(search.ladder):
        return LadderResult(search.ladder[first], search.counted[first], rejected)
    last = rejected[-1]
    if is_about_maps(last):
        raise PlanError(
            "A feature map of one training step has too many elements.",
            expected=f"at most {MOST_ELEMENTS:,} with a batch of {last.batch_size}",
            got=f"{last.input_size} voxels of {text_of(last.spacing)}: it {last.reason}",
            remedy=remedy,
        )
    raise PlanError(
        "One training step does not fit the memory.",
        expected=f"at most {budget.limit_gb:g} GiB with a batch of {last.batch_size}",
        got=f"{last.bytes / GIB:.3g} GiB at {last.input_size} voxels of "
        f"{text_of(last.spacing)}, the smallest of {len(rejected)} layouts",
        remedy=remedy,
    )


@dataclass(frozen=True)
class _Search:
    """Search of a ladder: the memory of the steps that were counted, by their index."""

    ladder: tuple[Candidate, ...]
    budget: MemoryBudget
    counted: dict[int, MemoryEstimate] = field(default_factory=dict)

    def first(self) -> int:
        """Index of the first candidate that fits, or the length of the ladder."""
        low, high = 0, len(self.ladder)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fits(middle) else (middle + 1, high)
        # Bisection trusts that what comes later needs less, which is true only mostly.
        for index in reversed(range(high)):
            high = index if self._fits(index) else high
        return high

    def rejected(self, index: int) -> Alternative:
        """A candidate that is too large, as the plan records it."""
        candidate, limit = self.ladder[index], f"of {self.budget.limit_gb:g} GiB"
        known = self.counted.get(index)
        n_bytes = self._least(index) if known is None else known.total
        doubt = "at least " if known is None else ""
        reason = f"needs {doubt}{n_bytes / GIB:.3g} {limit}"
        if n_bytes <= self.budget.limit:
            elements = self._elements(index)
            reason = f"has a feature map of {doubt}{elements:,} elements, {_TOO_LARGE_MAP}"
        elif candidate.checkpointing:
            reason += f" {WITH_CHECKPOINTING}"
        return Alternative(
            spacing=candidate.spacing,
            input_size=candidate.input_size,
            network=candidate.variant,
            batch_size=candidate.batch,
            bytes=n_bytes,
            reason=reason,
        )

    def _fits(self, index: int) -> bool:
        if index not in self.counted:
            if self._least(index) > self.budget.limit or self._elements(index) > MOST_ELEMENTS:
                return False
            self.counted[index] = self.budget.measure(self.ladder[index])
        fits_memory = self.counted[index].total <= self.budget.limit
        return fits_memory and self._elements(index) <= MOST_ELEMENTS

    def _elements(self, index: int) -> int:
        candidate, known = self.ladder[index], self.counted.get(index)
        least = least_elements(candidate.network, candidate.input_size, candidate.batch)
        return least if known is None else max(least, known.largest_map)

    def _least(self, index: int) -> int:
        candidate = self.ladder[index]
        smaller = [
            memory.total
            for other, memory in self.counted.items()
            if self.ladder[other].is_part_of(candidate)
        ]
        return max(
            least_bytes(candidate, self.budget.n_channels, self.budget.precision), *smaller, 0
        )
