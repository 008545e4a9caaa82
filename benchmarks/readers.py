"""Every reader of the program with a small valid file of its own, for those that attack them.

A file needs others beside it now and then: `Reader.put` writes them too.
"""

from __future__ import annotations

import dataclasses
import gzip
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.small_documents import (
    CASE,
    one_stage_plan,
    small_calibration,
    small_case,
    small_checkpoint,
    small_dataset,
    small_fingerprint,
    small_integrity,
    small_predictions,
    small_run,
)
from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.inference.feature_reference import Reference, read_reference, write_reference
from ricenet_v2.inference.prior import from_state
from ricenet_v2.inference.recalibration import calibration_of
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.manifest import read_manifest
from ricenet_v2.ingest.medmnist import convert_medmnist3d
from ricenet_v2.ingest.structures import read_structures, structure_mask
from ricenet_v2.ingest.treatment_plan import read_plan
from ricenet_v2.ingest.work_folder import draft_manifest
from ricenet_v2.network.build import build_network
from ricenet_v2.phantom.dicom import write_studies
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import EpochRow
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.store.case_table import read_cases
from ricenet_v2.store.cases import read_array, read_record, write_case
from ricenet_v2.store.history import read_history
from ricenet_v2.store.images import read_grid, read_image, write_image
from ricenet_v2.store.measurements import read_measurement, write_measurement
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.raw import read_dataset, write_raw_tables

_NIFTI = (".nii", ".nii.gz")
_IMAGES = (*_NIFTI, ".nrrd", ".mha")


@dataclass(frozen=True)
class Reader:
    """A function of the program that reads a file.

    Attributes:
        name: Name of the kind of file.
        file: Name of the file.
        valid: Its bytes where nothing is wrong.
        read: Reads the file at a path; raises nothing but `RicenetError`.
        beside: Other files of the folder that it needs, by name.
    """

    name: str
    file: str
    valid: bytes
    read: Callable[[Path], object]
    beside: Mapping[str, bytes] = field(default_factory=dict)

    def put(self, folder: Path, content: bytes) -> Path:
        """Write the file, with other content, and those beside it; the path of the file."""
        for name, other in self.beside.items():
            (folder / name).write_bytes(other)
        path = folder / self.file
        path.write_bytes(content)
        return path


@cache
def readers() -> tuple[Reader, ...]:
    """All of them; making the valid files takes a fraction of a second."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        return (
            *_tables(folder), *_documents(), *_arrays(folder), *_images(folder), *_dicom(folder)
        )  # fmt: skip


def _documents() -> list[Reader]:
    return [
        _document("plan", "ricenet_plan.json", one_stage_plan(), _usable_plan),
        _document("run.json", "run.json", small_run()),
        _document("splits", "splits_final.json", Splits(0, (Fold((CASE,), ("P0002",)),))),
        _document("fingerprint", "dataset_fingerprint.json", small_fingerprint()),
        _document("integrity", "integrity.json", small_integrity()),
        _document("predictions.json", "predictions.json", small_predictions()),
        _document(
            "calibration", "calibration.json", small_calibration(),
            lambda path: calibration_of(ModelPaths(path.parent)),
        ),
    ]  # fmt: skip


def _document(
    name: str,
    file: str,
    value: documents.Document,
    read: Callable[[Path], object] | None = None,
) -> Reader:
    kind = type(value)
    # Without its checksum, which would find every change before the fields are looked at.
    valid = documents.to_text(value).encode()
    return Reader(name, file, valid, read or (lambda path: documents.read(kind, path)))


def _usable_plan(path: Path) -> object:
    plan = documents.read(Plan, path)
    with torch.device("meta"):
        return build_network(plan.network, len(plan.channels), len(plan.classes))


def _tables(folder: Path) -> list[Reader]:
    cases = (Case(CASE, "A", "x"), Case("P0002", "B", "y", "test", {"dose": "54"}))
    write_raw_tables(folder, small_dataset(), cases)
    nnunet = (
        b'{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"no": 0, "yes": 1},'
        b' "numTraining": 2, "file_ending": ".nii.gz"}'
    )
    rows = [
        {"case_id": CASE, "label": "x", "predicted": "x", "prob_x": "0.7", "prob_y": "0.3"},
        {"case_id": "P0002", "label": "y", "predicted": "y", "prob_x": "0.2", "prob_y": "0.8"},
    ]
    tables.write_rows(folder / "predictions.csv", rows)
    truth = [{key: row[key] for key in ("case_id", "label")} for row in rows]
    tables.write_rows(folder / "truth.csv", truth)
    history = [dataclasses.asdict(EpochRow(epoch, 1e-3, *[0.5] * 6)) for epoch in range(2)]
    tables.write_rows(folder / "history.csv", history)
    predicted, known = _bytes(folder, "predictions.csv"), _bytes(folder, "truth.csv")
    content = documents.to_text(small_predictions()).encode()
    return [
        Reader("dataset.json", "dataset.json", _bytes(folder, "dataset.json"), read_dataset),
        Reader("dataset.json of nnU-Net", "dataset.json", nnunet, read_dataset),
        Reader("cases.csv", "cases.csv", _bytes(folder, "cases.csv"), read_cases),
        Reader("validation.csv", "validation.csv", predicted, read_labelled),
        Reader(
            "predictions.csv", "predictions.csv", predicted, read_labelled,
            {"predictions.json": content},
        ),
        Reader(
            "truth table", "truth.csv", known,
            lambda path: read_labelled(path.with_name("validation.csv"), path),
            {"validation.csv": predicted},
        ),
        Reader("history.csv", "history.csv", _bytes(folder, "history.csv"), read_history),
    ]  # fmt: skip


def _arrays(folder: Path) -> list[Reader]:
    write_case(folder, np.ones((1, 4, 4, 4), np.float32), small_case())
    record, array = _bytes(folder, f"{CASE}.json"), _bytes(folder, f"{CASE}.b2nd")
    # Without its hash, which would find every change before the frame is looked at.
    unsealed = documents.to_text(small_case()).encode()
    checkpoints.save(folder / "checkpoint_final.pth", small_checkpoint())
    torch.save(small_checkpoint(), folder / "foreign.pth")
    write_reference(
        folder / "feature_reference.pth",
        Reference(np.ones(2), np.eye(2), np.ones(3), {"a": (0.0, 1.0)}),
    )
    write_measurement(folder / f"{CASE}.npz", "key", "{}", np.ones((1, 3)))
    parts: dict[str, Any] = {f"{part}_images": np.zeros((1, 2, 2, 2), np.uint8) for part in _PARTS}
    parts |= {f"{part}_labels": np.full((1, 1), part == "test", np.uint8) for part in _PARTS}
    np.savez(folder / "medmnist.npz", **parts)
    return [
        Reader(
            "b2nd", f"{CASE}.b2nd", array, lambda path: read_array(path.parent, CASE),
            {f"{CASE}.json": unsealed},
        ),
        Reader(
            "case json", f"{CASE}.json", record, lambda path: read_array(path.parent, CASE),
            {f"{CASE}.b2nd": array},
        ),
        Reader(
            "record of a case", f"{CASE}.json", record, lambda path: read_record(path.parent, CASE)
        ),
        Reader(
            "checkpoint", "checkpoint_final.pth", _bytes(folder, "checkpoint_final.pth"),
            _usable_checkpoint,
        ),
        Reader(
            "checkpoint without hash", "foreign.pth", _bytes(folder, "foreign.pth"),
            _usable_checkpoint,
        ),
        Reader(
            "weights of others", "foreign.pth", _bytes(folder, "foreign.pth"),
            checkpoints.load_foreign,
        ),
        Reader(
            "features of training", "feature_reference.pth",
            _bytes(folder, "feature_reference.pth"), read_reference,
        ),
        Reader(
            "measurement", f"{CASE}.npz", _bytes(folder, f"{CASE}.npz"),
            lambda path: read_measurement(path, "key"),
        ),
        Reader(
            "MedMNIST", "medmnist.npz", _bytes(folder, "medmnist.npz"),
            _converted,
        ),
    ]  # fmt: skip


_PARTS = ("train", "val", "test")


def _converted(path: Path) -> object:
    with tempfile.TemporaryDirectory() as folder:
        return convert_medmnist3d(path, Path(folder) / "converted")


def _usable_checkpoint(path: Path) -> object:
    return from_state(checkpoints.load(path), 2, path)


def _images(folder: Path) -> list[Reader]:
    voxels = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    grid = Grid((4, 4, 4), (1.0, 2.0, 3.0))
    files = []
    for ending in _IMAGES:
        name = f"{CASE}_0000{ending}"
        write_image(folder / name, voxels, grid)
        files.append(Reader(f"image {ending}", name, _bytes(folder, name), _image))
    return files


def _image(path: Path) -> object:
    return read_grid(path), read_image(path)


def _dicom(folder: Path) -> list[Reader]:
    write_studies(folder / "studies", patients=1)
    (patient,) = (folder / "studies").iterdir()
    draft_manifest(folder / "studies", folder / "work")
    return [
        Reader("DICOM scan", "slice", _bytes(patient, "MR1/000"), _scanned),
        Reader("DICOM dose", "dose", _bytes(patient, "RTDOSE"), lambda path: read_dose([path])),
        Reader("DICOM plan", "plan", _bytes(patient, "RTPLAN"), read_plan),
        Reader("DICOM structures", "structures", _bytes(patient, "RTSTRUCT"), _mask),
        Reader("manifest.csv", "manifest.csv", _bytes(folder, "work/manifest.csv"), read_manifest),
    ]


def _scanned(path: Path) -> object:
    with tempfile.TemporaryDirectory() as work:
        return draft_manifest(path.parent, Path(work))


def _mask(path: Path) -> object:
    grid = Grid((24, 24, 24), (8.0, 8.0, 8.0), (-92.0, -92.0, -92.0))
    return [structure_mask(each, grid) for each in read_structures(path)]


def _bytes(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def unpacked(reader: Reader) -> bytes:
    """The bytes that are worth changing: those inside of gzip where the file is compressed."""
    return gzip.decompress(reader.valid) if reader.file.endswith(".gz") else reader.valid


def packed(reader: Reader, content: bytes) -> bytes:
    """The file of bytes that `unpacked` gave, changed or not."""
    return gzip.compress(content, 1) if reader.file.endswith(".gz") else content
