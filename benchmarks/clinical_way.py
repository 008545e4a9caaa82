"""Whole simulated patients from DICOM to predictions: what comes out where, and what is equal.

    python -m benchmarks.clinical_way --write documentation/benchmarks.md

Patients are written as DICOM: two MRIs and a CT, each in a pose of its own, dose, plan, structures.
They go the way of documentation/clinical_data.md: scan, cases, plan, one fold, prediction of those
that were held out, once from the dataset and once from their studies. Where points of the brain lie
in each image is read by the series reader of SimpleITK, and the dose from the file, by pydicom.

An error of the dose is that of its place times its gradient, or one of reading and interpolation:
the latter is what differs from the dose in the file where the registration puts a voxel, and what
is left of patients in one frame of reference, of whom nothing is registered.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from scipy import ndimage

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.core.types import Floats, Mask
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.phantom.dicom import write_studies
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.tables import read_rows, write_rows

SECTION = "clinical_way"
_NAME = "Dataset020_RICE"
_HELD_OUT = 2
_EVERY = 53
"""Number of voxels of a brain for each landmark."""
_IMAGES = {"T1c_event": "MR2", "planning CT": "CT", "dose": "CT"}
_N_STILL = 2
_WITHIN_GY, _WITHIN_SHARE = 0.5, 0.01


@dataclass(frozen=True)
class Way:
    """Folders of one run.

    Attributes:
        folder: Folder of all files.
        patient_of: Name of the patient by case id.
        held_out: Names of the patients that no network has seen.
    """

    folder: Path
    patient_of: dict[str, str]
    held_out: tuple[str, ...]

    @property
    def raw(self) -> Path:
        """The dataset."""
        return self.folder / "space" / "raw" / _NAME


@dataclass(frozen=True)
class CaseErrors:
    """How far a converted case is from what was written.

    Attributes:
        landmarks_mm: Mean distance of landmarks, by image.
        dose_gy: Largest error of the dose in the brain.
        most_gy: The error that 95 % of its voxels are within.
        within: Share of its voxels that are within 0.5 Gy or 1 % of the largest dose.
        gradient: Gradient of the dose where that error is, Gy/mm.
        distance_mm: How far the registration is off there.
        elsewhere_gy: Largest difference from the dose in the file at the place where the
            registration puts a voxel.
    """

    landmarks_mm: dict[str, float]
    dose_gy: float
    most_gy: float
    within: float
    gradient: float
    distance_mm: float
    elsewhere_gy: float


def converted(folder: Path, patients: int, num_workers: int, *, is_still: bool = False) -> Way:
    """Write the patients, and do steps 1 to 3."""
    labels = write_studies(folder / "studies", patients, is_still=is_still)
    work = folder / "work"
    rn.scan_studies(folder / "studies", work)
    rows = read_rows(work / "manifest.csv")
    for at, row in enumerate(rows):
        row["label"] = labels[row["patient"]]
        row["split"] = "test" if at >= patients - _HELD_OUT else "train"
    write_rows(work / "manifest.csv", rows)
    raw = folder / "space" / "raw" / _NAME
    result = rn.convert_cases(work / "manifest.csv", raw, num_workers=num_workers)
    if result.cohort.failed:
        raise SystemExit(f"Patients could not be converted: {result.cohort.failed}")
    table = {row["case_id"]: row["patient"] for row in read_rows(work / "patients.csv")}
    return Way(folder, table, tuple(row["patient"] for row in rows if row["split"] == "test"))


def _points(folder: Path, indices: Floats) -> Floats:
    """Positions of voxels of a series, mm, by another reader than that of the conversion."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    lying = [
        image.TransformContinuousIndexToPhysicalPoint(index[::-1].tolist()) for index in indices
    ]
    return np.array(lying)


def _voxels(file: Path) -> Floats:
    voxels: Floats = sitk.GetArrayFromImage(sitk.ReadImage(str(file))).astype(np.float64)
    return voxels


def errors(way: Way) -> Iterator[CaseErrors]:
    """Errors of each case.

    All images of a patient have the same voxels of the head, so that a voxel of one is known in
    the others; the dose counts in the brain.
    """
    for case_id, patient in way.patient_of.items():
        source = way.folder / "studies" / patient
        case = documents.read(CaseProvenance, way.raw / "provenance" / f"{case_id}.json")
        brain = _voxels(source / "brain.nii.gz") > 0
        indices = np.argwhere(brain)[::_EVERY].astype(np.float64)
        start = _points(source / "MR1", indices)
        by_image: dict[str, float] = {}
        for image in case.registered:
            if image.name in _IMAGES:
                end = RigidTransform(image.rotation, image.translation).points(start)
                away = end - _points(source / _IMAGES[image.name], indices)
                by_image[image.name] = float(np.linalg.norm(away, axis=1).mean())
        (name,) = (name for name in case.outputs if name.endswith("_0002.nii.gz"))
        (dose,) = (image for image in case.registered if image.name == "dose")
        placing = RigidTransform(dose.rotation, dose.translation)
        yield _dose_errors(source, brain, _voxels(way.raw / name)[brain], placing, by_image)


def _dose_errors(
    source: Path, brain: Mask, gy: Floats, placing: RigidTransform, by_image: dict[str, float]
) -> CaseErrors:
    """Errors of the converted dose in the brain's voxels; `placing` leads to the planning CT."""
    stored = dcmread(source / "RTDOSE")
    truth = stored.pixel_array * float(stored.DoseGridScaling)
    indices = np.argwhere(brain).astype(np.float64)
    places = placing.points(_points(source / "MR1", indices))
    row, column = np.reshape([float(v) for v in stored.ImageOrientationPatient], (2, 3))
    offsets = [float(v) for v in stored.GridFrameOffsetVector]
    axes = np.stack([np.cross(row, column), column, row])
    steps = np.array([offsets[1] - offsets[0], *(float(v) for v in stored.PixelSpacing)])
    origin = np.array([float(v) for v in stored.ImagePositionPatient])
    there = ndimage.map_coordinates(truth, ((places - origin) @ axes.T / steps).T, order=1)
    far = np.abs(gy - truth[brain])
    worst, bound = int(far.argmax()), max(_WITHIN_GY, _WITHIN_SHARE * float(truth.max()))
    slopes = np.linalg.norm(np.gradient(truth, *steps), axis=0)[brain]
    away = np.linalg.norm(places - _points(source / "CT", indices), axis=1)
    return CaseErrors(
        landmarks_mm=by_image,
        dose_gy=float(far[worst]),
        most_gy=float(np.percentile(far, 95)),
        within=float((far <= bound).mean()),
        gradient=float(slopes[worst]),
        distance_mm=float(away[worst]),
        elsewhere_gy=float(np.abs(gy - there).max()),
    )


def predictions(way: Way, epochs: int, num_workers: int) -> tuple[Predictions, Predictions]:
    """Plan, train one fold, and predict who was held out from the dataset and from the studies."""
    space = way.folder / "space"
    rn.plan(_NAME, rn.PlanOptions(gpu_memory_gb=2), workspace=space)
    rn.preprocess(_NAME, workspace=space)
    options = rn.TrainOptions(epochs=epochs, overrides={"iterations_per_epoch": "4"})
    rn.train(_NAME, 0, options, workspace=space, device="cpu")
    model = rn.model_folder(_NAME, workspace=space)
    through = rn.predict(way.raw, way.folder / "through", model, device="cpu")
    clinic = way.folder / "clinic"
    clinic.mkdir()
    for patient in way.held_out:
        (way.folder / "studies" / patient).rename(clinic / patient)
    straight = rn.predict(
        clinic, way.folder / "straight", model, device="cpu", num_workers=num_workers
    )
    return through, straight


def equality(way: Way, through: Predictions, straight: Predictions) -> tuple[int, float]:
    """How many patients have the same probabilities bit for bit, and the largest difference."""
    table = read_rows(way.folder / "straight_work" / "patients.csv")
    names = {row["case_id"]: row["patient"] for row in table}
    of_patient = {way.patient_of[case.case_id]: case.probabilities for case in through.cases}
    other = {names[case.case_id]: case.probabilities for case in straight.cases}
    if set(of_patient) != set(way.held_out) or set(other) != set(way.held_out):
        raise SystemExit("Not all patients that were held out could be predicted.")
    away = [
        abs(a - b)
        for name in of_patient
        for a, b in zip(of_patient[name], other[name], strict=True)
    ]
    return sum(of_patient[name] == other[name] for name in of_patient), max(away)


def section(
    way: Way,
    every: Sequence[CaseErrors],
    still: Sequence[CaseErrors],
    through: Predictions,
    straight: Predictions,
) -> str:
    """The table of what was measured."""
    rows: list[Sequence[object]] = []
    for name in _IMAGES:
        away = [case.landmarks_mm[name] for case in every]
        rows.append((f"landmarks of {name}, mean error", f"{np.median(away):.2f} mm",
                     f"{max(away):.2f} mm"))  # fmt: skip

    def add(what: str, values: Sequence[float], unit: str, digits: int = 2) -> None:
        rows.append((what, *(f"{v:.{digits}f} {unit}" for v in (np.median(values), max(values)))))

    add("dose where the registration puts a voxel, largest error",
        [case.elsewhere_gy for case in every], "Gy", 4)  # fmt: skip
    add(f"dose of {len(still)} patients in one frame of reference, largest error",
        [case.dose_gy for case in still], "Gy", 4)  # fmt: skip
    add("dose in the brain, error of 95 % of the voxels", [c.most_gy for c in every], "Gy")
    add("dose in the brain, largest error", [case.dose_gy for case in every], "Gy")
    add("gradient of the dose there", [case.gradient for case in every], "Gy/mm")
    add("registration there, error", [case.distance_mm for case in every], "mm")
    within = [case.within for case in every]
    rows.append((f"voxels of the brain within {_WITHIN_GY:g} Gy or {_WITHIN_SHARE:.0%} of the "
                 "largest dose", f"{np.median(within):.2%}", f"{min(within):.2%}"))  # fmt: skip
    same, most = equality(way, through, straight)
    lines = [
        page.table(("what", "median", "worst"), rows),
        "",
        f"{len(every)} patients were converted. One network was trained on "
        f"{len(every) - _HELD_OUT} of them. Of the {_HELD_OUT} that it had not seen, {same} have "
        "the same probabilities, bit for bit, from the dataset and from their studies; the "
        f"largest difference is {most:g}.",
        "",
        page.machine("SimpleITK", "highdicom", "pydicom", "torch"),
    ]
    return "\n".join(lines)


def main() -> None:
    """Go the way, print what came out, and on request write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--patients", type=int, default=12, help="number of patients, 12 or more")
    parser.add_argument("--epochs", type=int, default=1, help="length of the training")
    parser.add_argument("--num_workers", type=int, default=2, help="processes that convert")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        way = converted(Path(name), given.patients, given.num_workers)
        measured = list(errors(way))
        still = list(errors(converted(Path(name, "still"), _N_STILL, 1, is_still=True)))
        through, straight = predictions(way, given.epochs, given.num_workers)
        text = section(way, measured, still, through, straight)
    print(text)
    if given.write:
        page.write(given.write, SECTION, text)


if __name__ == "__main__":
    main()
