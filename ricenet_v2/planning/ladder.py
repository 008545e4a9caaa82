"""The ordered ladder of layouts, and the first of them whose training step fits the memory.

Down the ladder neither the voxels along any axis nor the batch ever grow, and the ladder itself
does not depend on the memory. So more memory, which can only stop the descent earlier, never gives
a smaller input or a smaller batch. That holds whatever the cost function says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning.networks import stem_of
from ricenet_v2.planning.spacing import text_of
from ricenet_v2.records.plan import (
    Alternative,
    MemoryEstimate,
    NetworkPlan,
    Precision,
    Shape,
    Triple,
)

GIGABYTE = 1024**3
_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2}
_IMAGE_BYTES = 4
_LISTED = 12


@dataclass(frozen=True)
class Candidate:
    """One rung: spacing (mm), region and input (voxels), each (z, y, x); network and batch."""

    spacing: Triple
    region: Shape
    input_size: Shape
    variant: str
    network: NetworkPlan
    batch: int

    @property
    def voxels(self) -> int:
        """Of one input channel."""
        return math.prod(self.input_size)

    @property
    def text(self) -> str:
        """E.g. `128 x 160 x 128 voxels, batch of 2`."""
        size = " x ".join(str(n) for n in self.input_size)
        return f"{size} voxels, batch of {self.batch}"


@dataclass(frozen=True)
class Budget:
    """The memory of a training step and how to tell what a candidate needs.

    Attributes:
        limit_gb: What is allowed, GiB.
        n_channels: Input channels.
        precision: Of the step.
        measure: Counts the step of a candidate.
    """

    limit_gb: float
    n_channels: int
    precision: Precision
    measure: Callable[[Candidate], MemoryEstimate]

    @property
    def limit(self) -> float:
        """In bytes."""
        return self.limit_gb * GIGABYTE


@dataclass(frozen=True)
class Found:
    """The candidate that fits, what it needs, and what was too large before it."""

    chosen: Candidate
    memory: MemoryEstimate
    rejected: Rejected


@dataclass
class Rejected:
    """What did not fit, in the order it was tried."""

    tried: list[Alternative] = field(default_factory=list)

    def add(self, candidate: Candidate, n_bytes: int, reason: str) -> None:
        """Note a candidate."""
        self.tried.append(
            Alternative(
                spacing=candidate.spacing,
                input_size=candidate.input_size,
                network=candidate.variant,
                batch_size=candidate.batch,
                bytes=n_bytes,
                reason=reason,
            )
        )

    def listed(self) -> tuple[Alternative, ...]:
        """All of them, or the first and last 12 of a longer list."""
        if len(self.tried) <= 2 * _LISTED:
            return tuple(self.tried)
        return tuple(self.tried[:_LISTED] + self.tried[-_LISTED:])


def least_bytes(candidate: Candidate, n_channels: int, precision: Precision) -> int:
    """A bound from below, so that what is far too large need not be built.

    Weights aside, the batch and the next one are there, and when the norm behind the first
    convolution is differentiated, its input, the gradient it gets and the one it gives.
    """
    features, stride = stem_of(candidate.network)
    stem = math.prod(-(-n // s) for n, s in zip(candidate.input_size, stride, strict=True))
    maps = 3 * features * stem * _BYTES[precision]
    images = 2 * n_channels * candidate.voxels * _IMAGE_BYTES
    return candidate.batch * (maps + images)


def first_that_fits(candidates: Iterable[Candidate], budget: Budget, remedy: str) -> Found:
    """Go down the ladder to the first candidate whose step fits.

    Args:
        candidates: The ladder; at least one.
        budget: What must not be exceeded.
        remedy: What the user can do when nothing fits.

    Raises:
        PlanError: Nothing fits; the text says what the last candidate needs.
    """
    rejected = Rejected()
    for candidate in candidates:
        least = least_bytes(candidate, budget.n_channels, budget.precision)
        if least > budget.limit:
            reason = f"needs at least {_gigabytes(least)} of {budget.limit_gb:g} GB"
            rejected.add(candidate, least, reason)
            continue
        memory = budget.measure(candidate)
        if memory.total <= budget.limit:
            return Found(candidate, memory, rejected)
        reason = f"needs {_gigabytes(memory.total)} of {budget.limit_gb:g} GB"
        rejected.add(candidate, memory.total, reason)
    last = rejected.tried[-1]
    raise PlanError(
        "One training step does not fit the memory.",
        expected=f"at most {budget.limit_gb:g} GB with a batch of {last.batch_size}",
        got=f"{last.bytes / GIGABYTE:.3g} GB at {last.input_size} voxels of "
        f"{text_of(last.spacing)}, the smallest of {len(rejected.tried)} layouts",
        remedy=remedy,
    )


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / GIGABYTE:.3g}"
