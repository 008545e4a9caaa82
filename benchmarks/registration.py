"""How well heads are registered: poses that are known, and one person in two positions.

    python -m benchmarks.registration --data DIR
    python -m benchmarks.registration --data DIR --only "ring lesion" --fine --registration ants
    python -m benchmarks.registration --data DIR --poses 10 --write documentation/benchmarks.md

DIR holds the series HFS_t1_sag.zip (supine) and HFDR_t1_sag.zip (on the right side) of
dcm_qa_decubitus. Poses are those of the first: it is resampled to each, and changed as scanners and
patients change images. The error is the mean distance of points of the head.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks import page
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Floats, Image, Mask
from ricenet_v2.ingest.checks import check_registration
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.header import read_header
from ricenet_v2.ingest.registration import Located
from ricenet_v2.ingest.registration_engines import register_images
from ricenet_v2.ingest.resampling import resample
from ricenet_v2.ingest.rigid import RigidTransform, rigid
from ricenet_v2.ingest.series import split_series
from ricenet_v2.ingest.volume import ImageVolume, read_volume

SECTIONS = {"simpleitk": "registration", "ants": "registration by ANTs"}
PACKAGES = {"simpleitk": "SimpleITK", "ants": "antspyx"}
COLUMNS = (
    "image",
    "degrees",
    "mm",
    "poses",
    "mean error, mm: median",
    "worst",
    "at any point, mm",
    "correlation",
    "refused",
    "CPU s: median",
)
PERSON = "supine and on the side, there and back"
_RADIUS_MM = 60.0
_SIDES = (190.0, 204.0, 180.0)


@dataclass(frozen=True)
class MovedHead:
    """An image of a head in another pose."""

    voxels: Image
    grid: Grid


Look = Callable[[Floats], Floats]


def _inverted(voxels: Floats) -> Floats:
    return np.where(voxels > 0.05, 1 - voxels, 0)


def _gamma(voxels: Floats) -> Floats:
    return voxels**0.6


def _biased(voxels: Floats) -> Floats:
    result: Floats = voxels * np.linspace(0.6, 1.4, len(voxels))[:, None, None]
    return result


def _ringed(voxels: Floats) -> Floats:
    """The image with a lesion that enhances in a ring of 30 mm, which the other one lacks."""
    index = np.moveaxis(np.indices(voxels.shape), 0, -1) / np.array(voxels.shape) * _SIDES
    distance = np.linalg.norm(index - np.array(_SIDES) / 2 - [20, 10, 25], axis=-1)
    return np.where(np.abs(distance - 12) < 3, 1.0, np.where(distance < 9, 0.2, voxels))


LOOKS: dict[str, tuple[Look, float, float]] = {
    # How it looks, distance of slices in mm, and the share that is cut off below.
    "gamma": (_gamma, 1.2, 0.0),
    "inverted": (_inverted, 2.5, 0.0),
    "ring lesion": (_ringed, 2.0, 0.0),
    "bias field": (_biased, 2.5, 0.0),
    "cropped": (_gamma, 2.0, 0.15),
    "thick slices": (_biased, 6.0, 0.0),
}


def _moved(head: ImageVolume, truth: RigidTransform, centre: Floats, name: str) -> MovedHead:
    look, slices, cut = LOOKS[name]
    spacing = (slices, 1.2, 1.2)
    shape = [int(side / step) for side, step in zip(_SIDES, spacing, strict=True)]
    corner = truth.points(centre) - np.array(_SIDES[::-1]) / 2
    grid = Grid((shape[0], shape[1], shape[2]), spacing, (corner[0], corner[1], corner[2]))
    voxels = resample(head.voxels, head.grid, grid, truth.inverse().of_simpleitk())
    bright = np.clip(voxels / np.percentile(voxels, 99.8), 0, 1).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 0.03, voxels.shape)
    start = int(shape[0] * cut)
    image = (look(bright) + noise)[start:].astype(np.float32)
    return MovedHead(image, grid.crop((start, 0, 0), grid.shape))


def _generator(name: str, degrees: float, at: int) -> np.random.Generator:
    """Generator of one pose, which does not depend on how many there are."""
    return np.random.default_rng((list(LOOKS).index(name), int(degrees), at))


def _pose(generator: np.random.Generator, degrees: float, centre: Floats) -> RigidTransform:
    axis, shift = generator.normal(size=(2, 3))
    axis, shift = axis / np.linalg.norm(axis), shift / np.linalg.norm(shift)
    matrix = Rotation.from_rotvec(degrees * axis, degrees=True).as_matrix()
    return rigid(matrix, centre + generator.uniform(10, 40) * shift - matrix @ centre)


@dataclass(frozen=True)
class MeasuredPose:
    """How well one pose was recovered.

    Attributes:
        degrees: Degrees of its rotation.
        shift: How far the head is moved on average, mm.
        mean: Mean distance of points of the head, mm.
        largest: The largest distance, mm.
        correlation: Correlation of the check of the pair.
        is_refused: Whether the check refuses the pair.
        seconds: CPU time of the registration.
    """

    degrees: float
    shift: float
    mean: float
    largest: float
    correlation: float
    is_refused: bool
    seconds: float


def _measured(
    head: ImageVolume,
    moving: Located,
    truth: RigidTransform | None,
    brain: Mask,
    options: ConvertOptions,
) -> MeasuredPose:
    points = head.grid.positions(np.argwhere(brain)[::997].astype(np.float64))
    start = time.process_time()
    result = register_images(head, moving, options)[0].transform
    seconds = time.process_time() - start
    if truth is None:  # there and back
        back = register_images(moving, head, options)[0].transform
        errors = back.after(result).points(points) - points
        truth = result
    else:
        errors = result.points(points) - truth.points(points)
    check = check_registration(head, moving, result, brain)
    distances = np.linalg.norm(errors, axis=1)
    shift = np.linalg.norm(truth.points(points).mean(axis=0) - points.mean(axis=0))
    return MeasuredPose(
        degrees=truth.degrees,
        shift=float(shift),
        mean=float(distances.mean()),
        largest=float(distances.max()),
        correlation=check.correlation,
        is_refused=bool(check.faults),
        seconds=seconds,
    )


def _posed(
    head: ImageVolume, truth: RigidTransform, name: str, brain: Mask, options: ConvertOptions
) -> MeasuredPose:
    middle = [(size - 1) / 2 for size in head.grid.shape]
    moving = _moved(head, truth, head.grid.positions(np.array(middle)), name)
    return _measured(head, moving, truth, brain, options)


class KeptPoses:
    """Poses that were measured, in a file of a folder, so that the next run goes on."""

    def __init__(self, folder: Path | None, engine: str) -> None:
        """Read those of an engine; without a folder, keep none."""
        self._file = folder and folder / f"{engine}.jsonl"
        self._known: dict[str, MeasuredPose] = {}
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()
            lines = map(json.loads, self._file.read_text(encoding="utf-8").splitlines())
            self._known = {line.pop("pose"): MeasuredPose(**line) for line in lines}

    def of(self, pose: str, measure: Callable[[], MeasuredPose]) -> MeasuredPose:
        """Result of a pose, measured if it is not known."""
        if pose not in self._known:
            self._known[pose] = measure()
            print(pose, self._known[pose], file=sys.stderr, flush=True)
            if self._file:
                with self._file.open("a", encoding="utf-8") as stream:
                    line = {"pose": pose, **dataclasses.asdict(self._known[pose])}
                    stream.write(f"{json.dumps(line)}\n")
        return self._known[pose]


def _range(values: list[float], digits: int) -> str:
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def _row(name: str, poses: list[MeasuredPose]) -> tuple[object, ...]:
    return (
        name,
        _range([pose.degrees for pose in poses], 0),
        _range([pose.shift for pose in poses], 0),
        len(poses),
        f"{statistics.median(pose.mean for pose in poses):.2f}",
        f"{max(pose.mean for pose in poses):.2f}",
        f"{max(pose.largest for pose in poses):.2f}",
        _range([pose.correlation for pose in poses], 2),
        sum(pose.is_refused for pose in poses),
        f"{statistics.median(pose.seconds for pose in poses):.1f}",
    )


def read_archive(archive: Path, folder: Path) -> ImageVolume:
    """Unpack the DICOM files of an archive into an empty folder, and read their only series."""
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder)
    series = split_series(read_header(file) for file in folder.rglob("*") if file.is_file())
    return read_volume(series[0])


def main() -> None:
    """Print the table and, on request, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of dcm_qa_decubitus")
    parser.add_argument("--poses", type=int, default=1, help="of each kind and angle")
    parser.add_argument(
        "--only", choices=("person", *LOOKS), help="the person, or one kind of pose"
    )
    parser.add_argument("--registration", choices=("simpleitk", "ants"), default="simpleitk")
    parser.add_argument("--folder", type=Path, help="where poses are kept for the next run")
    parser.add_argument("--fine", action="store_true", help="end at 1 mm")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    given = parser.parse_args()
    options = ConvertOptions(registration=given.registration, fine=given.fine)
    with tempfile.TemporaryDirectory() as folder:
        head, other = (
            read_archive(given.data / f"{name}_t1_sag.zip", Path(folder, name))
            for name in ("HFS", "HFDR")
        )
    middle = [(size - 1) / 2 for size in head.grid.shape]
    centre = head.grid.positions(np.array(middle))
    places = np.moveaxis(np.indices(head.grid.shape), 0, -1).astype(np.float64)
    brain = np.linalg.norm(head.grid.positions(places) - centre, axis=-1) < _RADIUS_MM
    measured: dict[tuple[str, float], list[MeasuredPose]] = {}
    engine = f"{given.registration}{' fine' if given.fine else ''}"
    kept = KeptPoses(given.folder, engine)
    if given.only in (None, "person"):
        pose = kept.of(PERSON, partial(_measured, head, other, None, brain, options))
        measured[PERSON, 0.0] = [pose]
    for at, name, degrees in product(range(given.poses), LOOKS, (30.0, 60.0)):
        if given.only in (None, name):
            truth = _pose(_generator(name, degrees, at), degrees, centre)
            measure = partial(_posed, head, truth, name, brain, options)
            pose = kept.of(f"{name}, {degrees:g} degrees, {at}", measure)
            measured.setdefault((name, degrees), []).append(pose)
    rows = [_row(name, poses) for (name, _), poses in measured.items()]
    machine = page.machine(PACKAGES[given.registration], "highdicom", "pydicom")
    text = f"{page.table(COLUMNS, rows)}\n\n{machine}"
    print(text)
    if given.write:
        page.write(given.write, SECTIONS[given.registration], text)


if __name__ == "__main__":
    main()
