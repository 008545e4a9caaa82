"""Preprocessed cases: one blosc2 file and one JSON document each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import blosc2
import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing, sha256_of_text
from ricenet_v2.records.cases import PreprocessedCase


def _array_path(folder: Path, case_id: str) -> Path:
    return folder / f"{case_id}.b2nd"


def _record_path(folder: Path, case_id: str) -> Path:
    return folder / f"{case_id}.json"


def write_case(
    folder: Path,
    array: NDArray[np.float32],
    record: PreprocessedCase,
    dtype: Literal["float32", "float16"] = "float32",
) -> None:
    """Write a case; the JSON comes last, so that a case with a JSON is whole.

    Args:
        folder: Of the plan.
        array: Shape (channels, z, y, x).
        record: What stands beside it.
        dtype: Number format on disk.
    """
    _record_path(folder, record.case_id).unlink(missing_ok=True)
    stored = np.ascontiguousarray(array.astype(dtype))
    with replacing(_array_path(folder, record.case_id)) as temporary:
        blosc2.asarray(
            stored,
            chunks=(1, *stored.shape[1:]),
            cparams={"clevel": 5, "codec": blosc2.Codec.ZSTD, "nthreads": 1},
            urlpath=str(temporary),
            mode="w",
        )
    documents.write(_record_path(folder, record.case_id), record)


def has_case(folder: Path, case_id: str) -> bool:
    """Whether a case was written to its end."""
    return _record_path(folder, case_id).is_file() and _array_path(folder, case_id).is_file()


def read_array(folder: Path, case_id: str) -> NDArray[np.float32]:
    """The voxels of a case, float32, shape (channels, z, y, x).

    Raises:
        DatasetError: Missing or damaged.
    """
    path = _array_path(folder, case_id)
    remedy = "Run ricenet_plan_and_preprocess again: it makes what is missing."
    if not path.is_file():
        raise DatasetError("This case is not preprocessed.", case=case_id, file=path, remedy=remedy)
    try:
        stored = blosc2.open(str(path), mode="r", dparams={"nthreads": 1})
        voxels = np.asarray(stored[:])
    except (RuntimeError, OSError, ValueError) as error:
        raise DatasetError(
            "This preprocessed case is damaged.",
            case=case_id,
            file=path,
            got=error,
            remedy=f"Delete the file. {remedy}",
        ) from error
    return voxels.astype(np.float32, copy=False)


def read_record(folder: Path, case_id: str) -> PreprocessedCase:
    """What stands beside a case."""
    return documents.read(PreprocessedCase, _record_path(folder, case_id))


def cases_hash(folder: Path, case_ids: tuple[str, ...]) -> str:
    """One hash over the inputs of several preprocessed cases, independent of their order."""
    hashes = [f"{case}:{read_record(folder, case).inputs_hash}" for case in sorted(case_ids)]
    return sha256_of_text("\n".join(hashes))
