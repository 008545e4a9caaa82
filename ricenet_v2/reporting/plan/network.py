"""The network, part by part: rows of a table, and blocks that are drawn to scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.types import Shape
from ricenet_v2.network.stages import StageCost
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Triple
from ricenet_v2.reporting.formatting import NOTHING, count, data, number, several, times

COLUMNS = (
    "part",
    "features",
    "voxels",
    "mm",
    "kernel",
    "stride",
    "blocks",
    "weights",
    "work",
    "kept",
)
COLUMNS_NOTE = (
    "Voxels, mm, kernel and stride along (z, y, x). Work: multiply-adds of one forward pass of the "
    "batch. Kept: bytes that one step with a batch of {batch} keeps for the backward pass, counted "
    "on this very network."
)
_LONGEST = 62.0
_SLANT = 0.38
_UNITS = {"input": ("channel",), "head": ("class", "classes")}


@dataclass(frozen=True)
class NetworkBlock:
    """A part as a block whose edges grow with the square root of its voxels.

    Attributes:
        name: Name of the part.
        features: Output of the stage, e.g. `32 features`.
        size: Voxels that leave it, in words.
        faces: Corners of the front, top and side, as SVG takes them.
        width: Width of the drawing.
        height: Height of the drawing.
    """

    name: str
    features: str
    size: str
    faces: tuple[str, str, str]
    width: float
    height: float


def rows(plan: Plan, parts: Sequence[StageCost]) -> list[tuple[str, ...]]:
    """The parts in the order of `COLUMNS`, the input first and the sum last."""
    first = ("input", str(len(plan.channels)), times(plan.input_size), times(plan.spacing))
    table = [(*first, *[NOTHING] * 6)]
    spacing = plan.spacing
    for part in parts:
        if part.stride is not None:
            spacing = _coarser(spacing, part.stride)
        has_map = part.stride is not None
        table.append(
            (
                part.name,
                number(part.features),
                times(part.size) if has_map else NOTHING,
                times(spacing) if has_map else NOTHING,
                times(part.kernel) if part.kernel else NOTHING,
                times(part.stride) if part.stride else NOTHING,
                number(part.blocks) if part.blocks else NOTHING,
                count(part.n_parameters) if part.n_parameters else NOTHING,
                count(part.multiply_adds) if part.multiply_adds else NOTHING,
                data(part.activations) if part.activations else NOTHING,
            )
        )
    total = (
        count(sum(part.n_parameters for part in parts)),
        count(sum(part.multiply_adds for part in parts)),
        data(sum(part.activations for part in parts)),
    )
    return [*table, ("sum", *[""] * 6, *total)]


def blocks(plan: Plan, parts: Sequence[StageCost]) -> list[NetworkBlock]:
    """The input and the parts as blocks to draw; one scale for all, in true proportions of mm.

    The edges of a block are the voxels along (z, y, x) times the shape of a voxel at the input, so
    that a head looks like a head also where slices are thick.
    """
    finest = min(plan.spacing)
    shape = tuple(mm / finest for mm in plan.spacing)
    longest = max(n * s for n, s in zip(plan.input_size, shape, strict=True))
    sizes = [("input", len(plan.channels), plan.input_size)]
    sizes += [(part.name, part.features, part.size) for part in parts]
    return [_block(name, features, size, shape, longest) for name, features, size in sizes]


def _block(
    name: str, features: int, size: Shape, shape: Sequence[float], longest: float
) -> NetworkBlock:
    up, back, across = (
        max(3.0, _LONGEST * math.sqrt(n * s / longest)) for n, s in zip(size, shape, strict=True)
    )
    shift = _SLANT * back
    bottom, right = shift + up, across + shift
    front = [(0, shift), (across, shift), (across, bottom), (0, bottom)]
    top = [(0, shift), (shift, 0), (right, 0), (across, shift)]
    side = [(across, shift), (right, 0), (right, up), (across, bottom)]
    faces = tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in face) for face in (front, top, side))
    label = times(size).replace(" ", "") if size != (1, 1, 1) else NOTHING
    return NetworkBlock(
        name,
        several(features, *_UNITS.get(name, ("feature",))),
        label,
        (faces[0], faces[1], faces[2]),
        round(right, 1),
        round(bottom, 1),
    )


def _coarser(spacing: Triple, stride: Shape) -> Triple:
    z, y, x = (mm * n for mm, n in zip(spacing, stride, strict=True))
    return z, y, x
