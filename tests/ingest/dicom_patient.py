"""Writes whole simulated patients as DICOM: MR in several poses, CT, dose, plan, structures."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from pydicom.uid import generate_uid
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.resampling import resample
from ricenet_v2.ingest.rigid import RigidTransform, rigid
from ricenet_v2.phantom.cohort import simulate
from ricenet_v2.store.images import write_image
from tests.ingest.dicom_writer import (
    dose_object,
    plan_object,
    registration_object,
    save,
    structures_object,
    write_series,
)

SPACING = 5.0
SHAPE = (34, 42, 34)
HOT = np.array([12.0, -10.0, 15.0])
"""Middle of dose and lesion, as points of the post-operative image."""
WIDTH, LESION = 32.0, 14.0


@dataclass(frozen=True)
class WrittenPatient:
    """What is true of a patient that was written."""

    to_event: RigidTransform
    to_ct: RigidTransform
    grid: Grid
    brain: np.ndarray


def pose(angles, shift):
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return rigid(matrix, np.array(shift, dtype=float))


def gy_at(points):
    """Dose at points of the post-operative image."""
    return 60 * np.exp(-((points - HOT) ** 2).sum(axis=-1) / (2 * WIDTH**2))


def _grid(shape, spacing):
    corner = tuple(-step * (n - 1) / 2 for step, n in zip(spacing[::-1], shape[::-1], strict=True))
    return Grid(shape, spacing, corner)


def _moved(grid, transform):
    """Shifted, not turned: around the head where it lies now."""
    origin = np.array(grid.origin) + np.array(transform.translation)
    return Grid(grid.shape, grid.spacing, tuple(float(v) for v in origin))


def _points(grid):
    return grid.positions(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))


def _series(folder, voxels, grid, uids, **values):
    origin = tuple(grid.origin)
    write_series(folder, voxels, origin=origin, spacing=grid.spacing, **uids, **values)


def _stored(voxels):
    return np.round(voxels * 900 / voxels.max()).astype(np.uint16)


def write_patient(
    folder,
    name="p1",
    seed=0,
    *,
    is_still=False,
    has_registration=True,
    summation="PLAN",
    n=1,
    brain=True,
):
    """A patient below a folder; `n` divides the dose, as of one of n fractions.

    With `is_still` the event is imaged in the frame of reference of the first image.
    """
    grid = _grid(SHAPE, (SPACING,) * 3)
    _, images, _, _ = simulate(f"{name}{seed}", seed, grid)
    root = f"1.2.826.0.1.3680043.8.498.{crc32(f'{name} {seed}'.encode())}"
    to_event = RigidTransform() if is_still else pose((6, -9, 12), (9, -6, 11))
    to_ct = pose((-4, 3, -7), (-12, 20, 5))

    def uids(number, frame=None):
        return {
            "PatientID": name,
            "SeriesInstanceUID": f"{root}.{number}",
            "FrameOfReferenceUID": f"{root}.{frame or number}.1",
        }

    # The phantom's brain has no folds, by which a place in it could be told.
    folds = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 0.8)
    folds = np.where(images.brain, np.clip(1 + folds / folds.std() / 3, 0.1, 2), 1)
    post_op = _stored(images.post_op * folds)
    mr = {"ContrastBolusAgent": "agent"}
    _series(folder / "A", post_op, grid, uids(1), StudyDate="20200102",
            SeriesDescription="t1 km", **mr)  # fmt: skip
    other = _moved(_grid((40, 44, 40), (5.0, 5.0, 5.0)), to_event)
    moved = resample(images.event * folds, grid, other, to_event.inverse().of_simpleitk())
    _series(folder / "B", _stored(moved), other, uids(2, 1 if is_still else 2),
            StudyDate="20210601", SeriesDescription="t1 km", **mr)  # fmt: skip
    head = images.post_op > 0
    skull = ndimage.binary_dilation(images.brain, iterations=1) & head & ~images.brain
    soft = 20 + 30 * folds * images.post_op / np.median(images.post_op[images.brain])
    hu = np.where(skull, 900.0, np.where(head, soft, -1000.0)).astype(np.float32)
    ct_grid = _moved(_grid((40, 46, 40), (5.0, 4.5, 4.5)), to_ct)
    hu = resample(hu + 1000, grid, ct_grid, to_ct.inverse().of_simpleitk()) - 1000
    hu += np.random.default_rng(seed).normal(0, 4, hu.shape)
    _series(folder / "C", np.round(hu).astype(np.int16), ct_grid, uids(3), modality="CT",
            StudyDate="20200115")  # fmt: skip
    dose_grid = _moved(_grid((54, 68, 48), (3.5, 3.0, 4.0)), to_ct)
    gy = gy_at(to_ct.inverse().points(_points(dose_grid)))
    plan = f"{root}.4.5"
    dose = dose_object(gy / n, origin=dose_grid.origin, spacing=dose_grid.spacing, plan=plan,
                       summation=summation, scaling=1e-5)  # fmt: skip
    structures = structures_object({"GTV Doe": _ball(to_ct), "empty": []})
    for item in structures.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = uids(3)["FrameOfReferenceUID"]
    objects = {"D": dose, "E": plan_object(uid=plan), "F": structures}
    if has_registration:
        # Points of the CT to points of the post-operative image.
        back = to_ct.inverse()
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = back.matrix, back.translation
        objects["G"] = registration_object({uids(3)["FrameOfReferenceUID"]: [matrix]})
    for number, (place, data) in enumerate(objects.items(), 5):
        frame = 1 if place == "G" else 3
        for keyword, value in uids(number, frame).items():
            setattr(data, keyword, value)
        data.StudyDate = "20200115"
        data.PatientName = "Doe^Jane"
        if place != "E":
            data.SOPInstanceUID = generate_uid()
        save(data, folder / place)
    if brain:
        write_image(folder / "mask_of_Jane.nii.gz", images.brain.astype(np.uint8), grid)
    return WrittenPatient(to_event, to_ct, grid, images.brain)


def _ball(to_ct):
    """Circles of a ball, in planes of the CT 3 mm apart."""
    centre = to_ct.points(HOT)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    contours = []
    for height in np.arange(-12, 13, 3.0):
        radius = np.sqrt(LESION**2 - height**2)
        ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle + height], 1)
        contours.append(centre + ring)
    return contours
