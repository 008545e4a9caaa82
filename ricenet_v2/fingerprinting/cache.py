"""Measurements that are kept, so that a second run opens only what is new or changed."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from ricenet_v2.core import files
from ricenet_v2.core.names import part
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.fingerprinting.measure import N_SAMPLES, CaseFiles, MeasuredCase, measure_case
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.store.image_files import sha256_of_image
from ricenet_v2.store.measurements import read_measurement, write_measurement

RULES = 3
"""Raise it when a case is measured otherwise: what was kept before is then measured again."""
_ABSENT = "missing"
_MEASUREMENT = TypeAdapter(CaseMeasurement)


@dataclass(frozen=True)
class CachedMeasurement(PoolTask):
    """A case and where its measurement is kept; a value that can be sent to a worker."""

    files: CaseFiles
    path: Path

    @property
    def name(self) -> str:
        """Id of the case."""
        return self.files.case_id


def kept(case: CaseFiles, folder: Path) -> CachedMeasurement:
    """Path of the cached measurement of a case, whether or not it exists."""
    return CachedMeasurement(case, folder / f"{part(case.case_id, 'case', folder)}.npz")


def load(where: CachedMeasurement) -> MeasuredCase | None:
    """The measurement, unless the content of a file of the case changed since, or the rules did."""
    try:
        stored = read_measurement(where.path, _key(where.files))
        if stored is None:
            return None
        values, samples = stored
        return MeasuredCase(_MEASUREMENT.validate_json(values, strict=True), tuple(samples))
    except Exception:  # noqa: BLE001 - a file is missing, or whatever else was kept: measure again
        return None


def measure_and_keep(where: CachedMeasurement) -> MeasuredCase:
    """Measure a case and write its measurement down.

    Raises:
        RicenetError: As `measure_case`.
    """
    # Before measuring: a file that changes meanwhile is then measured again.
    key = _key(where.files)
    measured = measure_case(where.files)
    _write(where.path, key, measured)
    return measured


def keep(where: CachedMeasurement, measured: MeasuredCase) -> None:
    """Write a measurement down that was made elsewhere from the files as they are now."""
    _write(where.path, _key(where.files), measured)


def prune(folder: Path, case_ids: Container[str]) -> None:
    """Delete the measurements of cases that are gone, e.g. removed from cases.csv or renamed.

    Args:
        folder: Folder of measurements; need not exist.
        case_ids: Identifiers of the cases whose measurements stay.
    """
    for path in folder.glob("*.npz"):
        # Hidden ones are being written, perhaps by another command.
        if path.stem not in case_ids and not path.name.startswith("."):
            path.unlink(missing_ok=True)


def _write(path: Path, key: str, measured: MeasuredCase) -> None:
    values = _MEASUREMENT.dump_json(measured.measurement).decode()
    write_measurement(path, key, values, np.stack(measured.samples))


def _key(case: CaseFiles) -> str:
    """SHA-256 over name and content of each file, and over what the rules look at."""
    paths = [*case.images, *([] if case.mask is None else [case.mask])]
    contents = [
        (path.name, _ABSENT if index in case.absent else sha256_of_image(path))
        for index, path in enumerate(paths)
    ]
    rules: list[str | bool] = ["straightened"] if case.straighten else []
    rules += [case.region.label, case.region.per_lesion] if case.region is not None else []
    return files.sha256_of_text(json.dumps([RULES, N_SAMPLES, case.kinds, contents, *rules]))
