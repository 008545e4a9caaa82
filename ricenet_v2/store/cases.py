"""Preprocessed cases: one blosc2 file and one JSON document each."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Literal

import blosc2
import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.files import replacing, sha256_of_file, sha256_of_text
from ricenet_v2.core.names import part
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.store.frames import read_plain_array

# Training reads a case far more often than it is written: LZ4 is read faster than Zstandard,
# written much faster, and files are only a little larger: the last bits of a voxel are noise.
_COMPRESSION = {
    "codec": blosc2.Codec.LZ4,
    "clevel": 5,
    "filters": [blosc2.Filter.SHUFFLE],
    "nthreads": 1,
}
# Blosc2 holds a whole chunk twice; larger ones are no faster.
_CHUNK_BYTES = 2 * 1024**2


def _array_path(folder: Path, case_id: str) -> Path:
    return folder / f"{part(case_id, 'case', folder)}.b2nd"


def _record_path(folder: Path, case_id: str) -> Path:
    return folder / f"{part(case_id, 'case', folder)}.json"


def write_case(
    folder: Path,
    channels: Iterable[NDArray[np.float32]],
    record: PreprocessedCase,
    dtype: Literal["float32", "float16"] = "float32",
) -> None:
    """Write a case; the JSON comes last, so that a case with a JSON is whole.

    Args:
        folder: Of the plan.
        channels: Axes (z, y, x) each, taken one by one; an array (channels, z, y, x) will do.
        record: What stands beside it; its shape is that of the file.
        dtype: Number format on disk.
    """
    _record_path(folder, record.case_id).unlink(missing_ok=True)
    with replacing(_array_path(folder, record.case_id)) as temporary:
        stored = blosc2.empty(
            record.shape,
            dtype=dtype,
            chunks=_chunks(record.shape, np.dtype(dtype).itemsize),
            cparams=_COMPRESSION,
            urlpath=str(temporary),
            mode="w",
        )
        made = iter(channels)
        # No name for a channel, so that it is gone before the next one is made.
        for index in range(record.shape[0]):
            stored[index] = np.ascontiguousarray(next(made), dtype=dtype)
        del stored
        whole = dataclasses.replace(record, content_hash=sha256_of_file(temporary))
    documents.write(_record_path(folder, record.case_id), whole)


def _chunks(shape: tuple[int, int, int, int], itemsize: int) -> tuple[int, int, int, int]:
    _, z, y, x = shape
    return 1, max(1, min(z, _CHUNK_BYTES // (y * x * itemsize))), y, x


def has_case(folder: Path, case_id: str) -> bool:
    """Whether a case was written to its end."""
    return _record_path(folder, case_id).is_file() and _array_path(folder, case_id).is_file()


def is_as_written(folder: Path, record: PreprocessedCase) -> bool:
    """Whether the file of voxels has the hash of its record; older records have none."""
    digest = record.content_hash
    return not digest or sha256_of_file(_array_path(folder, record.case_id)) == digest


def leftovers(preprocessed: Path, case_ids: Container[str]) -> dict[Path, tuple[str, ...]]:
    """Cases on disk that are none of `case_ids`, by the folder of their plan, sorted.

    Args:
        preprocessed: Of the dataset, holds a folder for each plan; need not exist.
        case_ids: Of the dataset.
    """
    found: dict[Path, list[str]] = {}
    for path in sorted(preprocessed.glob("*/*.b2nd")):
        # Hidden ones are being written, perhaps by another command.
        if path.stem not in case_ids and not path.name.startswith("."):
            found.setdefault(path.parent, []).append(path.stem)
    return {folder: tuple(ids) for folder, ids in found.items()}


def delete_case(folder: Path, case_id: str) -> None:
    """Delete both files of a case, the JSON first, so that a case with a JSON is whole."""
    _record_path(folder, case_id).unlink(missing_ok=True)
    _array_path(folder, case_id).unlink(missing_ok=True)


def read_array(folder: Path, case_id: str) -> NDArray[np.float32]:
    """The voxels of a case, float32, shape (channels, z, y, x).

    Raises:
        DatasetError: Missing, damaged, no plain array, or of another shape or content than its JSON
            says; or that is missing, as while the case is made anew.
    """
    path = _array_path(folder, case_id)
    remedy = "Run ricenet_plan_and_preprocess again: it makes what is missing or damaged."
    if not has_case(folder, case_id):
        raise DatasetError("This case is not preprocessed.", case=case_id, file=path, remedy=remedy)
    # Outside of the try: what is wrong with a JSON is told by its own error.
    record = read_record(folder, case_id)
    try:
        voxels = read_plain_array(path, record.shape, record.content_hash)
    except Exception as error:
        raise DatasetError(
            "This preprocessed case is damaged, or not a plain array.",
            case=case_id,
            file=path,
            expected="a whole Blosc2 file of one array, as ricenet_plan_and_preprocess writes it",
            got=error,
            remedy=remedy if record.content_hash else f"Delete the file. {remedy}",
        ) from error
    return voxels.astype(np.float32, copy=False)


def read_record(folder: Path, case_id: str) -> PreprocessedCase:
    """What stands beside a case.

    Raises:
        DocumentError: Missing, damaged, or of another case.
    """
    path = _record_path(folder, case_id)
    found = documents.read(PreprocessedCase, path)
    if found.case_id != case_id:
        raise DocumentError(
            "This document is of another case than its name says.",
            case=case_id,
            file=path,
            expected=case_id,
            got=found.case_id,
            remedy="Delete it and run ricenet_plan_and_preprocess again.",
        )
    return found


def cases_hash(records: Iterable[PreprocessedCase]) -> str:
    """One hash over the inputs of several preprocessed cases, independent of their order."""
    return sha256_of_text("\n".join(sorted(f"{r.case_id}:{r.inputs_hash}" for r in records)))
