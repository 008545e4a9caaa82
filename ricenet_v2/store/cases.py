"""Preprocessed cases: one blosc2 file and one JSON document each."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.failures import logged
from ricenet_v2.core.files import replacing, sha256_of_file, sha256_of_text
from ricenet_v2.core.names import part
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.store.blosc import blosc2
from ricenet_v2.store.frames import Verified, read_plain_array

logger = logging.getLogger(__name__)

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
        folder: Folder of the plan.
        channels: Axes (z, y, x) each, taken one by one; an array (channels, z, y, x) will do.
        record: Record beside it; its shape is that of the file.
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
        coming = iter(channels)
        size = record.shape[1:]
        for index in range(record.shape[0]):
            # Not `stored[index] = ...`: blosc2 4.14 then looks for every file again that this
            # process ever wrote so. No name for a channel, so that it is gone before the next.
            place = (index, 0, 0, 0), (index + 1, *size)
            stored.set_slice(place, np.ascontiguousarray(next(coming), dtype=dtype)[np.newaxis])
        del stored
        whole = dataclasses.replace(record, content_hash=sha256_of_file(temporary))
    documents.write(_record_path(folder, record.case_id), whole)


def _chunks(shape: tuple[int, int, int, int], itemsize: int) -> tuple[int, int, int, int]:
    _, z, y, x = shape
    return 1, max(1, min(z, _CHUNK_BYTES // (y * x * itemsize))), y, x


def has_case(folder: Path, case_id: str) -> bool:
    """Whether a case was written to its end."""
    return _record_path(folder, case_id).is_file() and _array_path(folder, case_id).is_file()


def written_at(folder: Path, case_id: str) -> int:
    """When a case was written to its end, nanoseconds since 1970.

    Raises:
        OSError: It is not there.
    """
    return _record_path(folder, case_id).stat().st_mtime_ns


def leftovers(preprocessed: Path, case_ids: Container[str]) -> dict[Path, tuple[str, ...]]:
    """Cases on disk that are none of `case_ids`, by the folder of their plan, sorted.

    Args:
        preprocessed: Folder of the preprocessed dataset, with a folder for each plan; need not
            exist.
        case_ids: Case ids of the dataset.
    """
    others: dict[Path, list[str]] = {}
    for path in sorted(preprocessed.glob("*/*.b2nd")):
        # Hidden ones are being written, perhaps by another command.
        if path.stem not in case_ids and not path.name.startswith("."):
            others.setdefault(path.parent, []).append(path.stem)
    return {folder: tuple(ids) for folder, ids in others.items()}


def delete_case(folder: Path, case_id: str) -> None:
    """Delete both files of a case, the JSON first, so that a case with a JSON is whole."""
    _record_path(folder, case_id).unlink(missing_ok=True)
    _array_path(folder, case_id).unlink(missing_ok=True)


def read_array(
    folder: Path, case_id: str, as_of: str | None = None, verified: Verified | None = None
) -> NDArray[np.float32]:
    """The voxels of a case, float32, shape (channels, z, y, x).

    Args:
        folder: Folder of the plan.
        case_id: The case.
        as_of: Result of `state_of` for its record before; not compared where None.
        verified: Hashes of files that are not compared again, see `read_plain_array`.

    Raises:
        DatasetError: Missing, damaged, no plain array, of another shape or content than its JSON
            says, or made again otherwise than `as_of` says; or the JSON is missing, as while the
            case is made again.
    """
    path = _array_path(folder, case_id)
    remedy = _made_by(folder)
    if as_of is None and not has_case(folder, case_id):
        raise DatasetError("This case is not preprocessed.", case=case_id, file=path, remedy=remedy)
    # Outside of the try: a fault of a JSON file has its own error.
    record = _checked_record(folder, case_id, as_of)
    try:
        voxels = read_plain_array(path, record.shape, record.content_hash, verified)
    except Exception as error:
        _checked_record(folder, case_id, as_of)
        raise DatasetError(
            "This preprocessed case is damaged, or not a plain array.",
            case=case_id,
            file=path,
            expected="a whole Blosc2 file of one array, as ricenet_plan_and_preprocess writes it",
            got=error,
            remedy=remedy if record.content_hash else f"Delete the file. {remedy}",
        ) from error
    if (
        not record.content_hash
    ):  # of an older version: whether these are its voxels, only the record says
        _checked_record(folder, case_id, as_of)
    return voxels.astype(np.float32, copy=False)


def check_array(folder: Path, record: PreprocessedCase) -> None:
    """Compare the voxels of a case with what stands beside them; nothing is unpacked.

    Raises:
        DatasetError: They are not those that were written. Of older versions, which kept no hash of
            them: they cannot be read.
    """
    if not record.content_hash:
        read_array(folder, record.case_id)
        return
    path = _array_path(folder, record.case_id)
    hashed = sha256_of_file(path)
    if hashed != record.content_hash:
        raise DatasetError(
            "The voxels of this preprocessed case are damaged, or those of another one.",
            case=record.case_id,
            file=path,
            expected=f"a file with the SHA-256 {record.content_hash}, which stands in its JSON",
            got=hashed,
            remedy=_made_by(folder),
        )


def _checked_record(folder: Path, case_id: str, as_of: str | None) -> PreprocessedCase:
    """The record of a case, the same as before; the JSON is written last."""
    if as_of is None:
        return read_record(folder, case_id)
    if _record_path(folder, case_id).is_file():
        record = read_record(folder, case_id)
        if state_of(record) == as_of:
            return record
    raise DatasetError(
        "This case was preprocessed again while the command ran.",
        case=case_id,
        file=_record_path(folder, case_id),
        expected="the case as it was when the command began",
        got="none, or one of other images or another plan",
        remedy="Wait until preprocessing has ended and start again. A fold that was started "
        "before has seen the former cases: move its folder away.",
    )


def state_of(record: PreprocessedCase) -> str:
    """SHA-256 of all that stands beside a case: another one where its images or plan changed."""
    return documents.fingerprint_of(record)


def read_record(folder: Path, case_id: str) -> PreprocessedCase:
    """Record of a case.

    Raises:
        DocumentError: Missing, damaged, or of another case.
    """
    path = _record_path(folder, case_id)
    try:
        record = documents.read(PreprocessedCase, path)
    except DocumentError as error:
        remedy = f"{error.remedy or ''} {_made_by(folder)}".strip()
        raise error.with_parts(case=case_id, remedy=remedy) from error
    if record.case_id != case_id:
        raise DocumentError(
            "This document belongs to another case than its name says.",
            case=case_id,
            file=path,
            expected=case_id,
            got=record.case_id,
            remedy=f"Delete it. {_made_by(folder)}",
        )
    return record


def _made_by(folder: Path) -> str:
    """The command that makes a case of this folder again, in words."""
    preset = "" if folder.name == "auto" else f" --preset {folder.name}"
    return (
        f"Run ricenet_plan_and_preprocess {folder.parent.name}{preset}: it makes what is missing "
        "or damaged."
    )


def readable_records(folder: Path, case_ids: Iterable[str]) -> dict[str, PreprocessedCase]:
    """Records of the existing cases; one that cannot be read is named and left out.

    For pages and doubts, which go on without it; training reads each by `read_record`.
    """
    records = {}
    for case_id in case_ids:
        if not has_case(folder, case_id):
            continue
        try:
            records[case_id] = read_record(folder, case_id)
        except Exception as error:  # noqa: BLE001 - that of one case does not end the others
            logged(logger, f"What stands beside the preprocessed case {case_id} is left out", error)
    return records


def cases_hash(records: Iterable[PreprocessedCase]) -> str:
    """One hash over the inputs of several preprocessed cases, independent of their order."""
    return sha256_of_text("\n".join(sorted(f"{r.case_id}:{r.inputs_hash}" for r in records)))
