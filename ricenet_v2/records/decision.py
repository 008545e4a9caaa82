"""Why a plan is as it is, and what was considered instead."""

from __future__ import annotations

from ricenet_v2.core.documents import record


@record
class Decision:
    """One decision in words.

    Attributes:
        what: Name of the decision, e.g. `spacing`.
        value: The decision.
        reason: Why, with the numbers that decided.
    """

    what: str
    value: str
    reason: str


@record
class Alternative:
    """A larger layout that was considered before the one of the plan, and why it was not taken.

    Attributes:
        spacing: mm along (z, y, x).
        input_size: Voxels along (z, y, x).
        network: `full`, `light stem`, `shallower` or `narrower`.
        batch_size: Samples per step.
        bytes: Bytes of a training step; a lower bound if the reason says so.
        reason: Reason in words.
    """

    spacing: tuple[float, float, float]
    input_size: tuple[int, int, int]
    network: str
    batch_size: int
    bytes: int
    reason: str
