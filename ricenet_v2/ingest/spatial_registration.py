"""Spatial registration objects (REG): rigid transforms between frames of reference.

PS3.3 C.20.2: each item maps points of its own frame of reference to points of the object's, by
matrices that are applied in their order. What the hospital registered is used before any image is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.rigid import RigidTransform, rigid

_SAME_MM = 0.5
"""Largest distance of a point of a head by two paths between frames."""
_RADIUS_MM = 100.0


@dataclass(frozen=True)
class FrameTransform:
    """Transform from points of one frame of reference to points of another.

    Attributes:
        source: UID of the first.
        target: UID of the other.
        transform: Transform of points in mm, LPS.
    """

    source: str = field(repr=False)
    target: str = field(repr=False)
    transform: RigidTransform


@reading.quiet()
def read_spatial_registration(file: Path) -> tuple[FrameTransform, ...]:
    """Read the transforms of a REG object, those of its own frame left out.

    Raises:
        DatasetError: It is no such object, or has none.
        GeometryError: A transform is not rigid.
    """
    attributes = reading.read_attributes(file)
    if reading.text(attributes, "Modality") != "REG":
        raise DatasetError("This file holds no registration.", file=file, expected="modality REG")
    target = reading.text(attributes, "FrameOfReferenceUID")
    transforms = [
        FrameTransform(source, target, _transform(item, file))
        for item in reading.items(attributes, "RegistrationSequence")
        if (source := reading.text(item, "FrameOfReferenceUID")) not in {"", target}
    ]
    if not transforms or not target:
        raise DatasetError(
            "This registration does not relate two frames of reference.",
            file=file,
            expected="a FrameOfReferenceUID, and another in an item of RegistrationSequence",
            remedy="It may be deformable, which is not read: export the rigid one.",
        )
    return tuple(transforms)


def _transform(item: Attributes, file: Path) -> RigidTransform:
    joined = RigidTransform()
    for step in reading.items(item, "MatrixRegistrationSequence"):
        for each in reading.items(step, "MatrixSequence"):
            joined = _matrix(each, file).after(joined)
    return joined


def _matrix(item: Attributes, file: Path) -> RigidTransform:
    values = reading.numbers(item, "FrameOfReferenceTransformationMatrix", 16)
    matrix = np.reshape(values, (4, 4)) if values else np.zeros((4, 4))
    if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 0:
        raise DatasetError(
            "The matrix of this registration is damaged.",
            file=file,
            expected="16 finite numbers, of which the last four are 0, 0, 0, 1",
            got=f"{len(values)} numbers",
            remedy="Export it again.",
        )
    try:
        return rigid(matrix[:3, :3], matrix[:3, 3])
    except GeometryError as error:
        raise GeometryError(
            "This registration is not rigid.",
            file=file,
            expected=error.expected,
            got=error.got,
            remedy="Choose another registration, or leave it out: images are registered then.",
        ) from None


def between(
    transforms: Iterable[FrameTransform], source: str, target: str
) -> RigidTransform | None:
    """The transform between two frames of reference, over others where need be.

    Args:
        transforms: Transforms of all registrations of a patient; each is used both ways.
        source: UID; empty where it is not known.
        target: UID; empty where it is not known.

    Returns:
        From points of `source` to points of `target`; None where nothing leads there. Unknown
        frames are never the same.

    Raises:
        DatasetError: Two ways of the same length lead to places that differ.
    """
    if not (source and target):
        return None
    known = [*transforms]
    known += [FrameTransform(t.target, t.source, t.transform.inverse()) for t in known]
    reached = {source: [RigidTransform()]}
    visited: set[str] = set()
    while reached and target not in reached:
        visited |= set(reached)
        further: dict[str, list[RigidTransform]] = {}
        for step in known:
            if step.target not in visited:
                ways = [step.transform.after(way) for way in reached.get(step.source, [])]
                further.setdefault(step.target, []).extend(ways)
        reached = {uid: _one_of(ways) for uid, ways in further.items() if ways}
    return reached[target][0] if target in reached else None


def _one_of(ways: Sequence[RigidTransform]) -> list[RigidTransform]:
    points = _RADIUS_MM * np.concatenate([np.eye(3), -np.eye(3)])
    places = np.array([way.points(points) for way in ways])
    apart = float(np.linalg.norm(places - places[0], axis=-1).max())
    if apart > _SAME_MM:
        raise DatasetError(
            "Two registrations of the same frames of reference differ.",
            expected=f"points of a head within {_SAME_MM} mm",
            got=f"{apart:.3g} mm apart",
            remedy="Leave out the one that is not to be used.",
        )
    return [ways[0]]
