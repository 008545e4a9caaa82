"""DICOM files -> data sets and their values; what is malformed is missing, and never raises.

pydicom converts a value when it is asked for, raises whatever it meets then, and puts the value
into its warnings and errors. Values identify patients: texts of pydicom are not passed on.
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset as Attributes
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.regular import opened

_META = 1 << 16
"""Bytes at the start of a file in which its transfer syntax stands."""
_DEFLATED = re.compile(re.escape(str(DeflatedExplicitVRLittleEndian)).encode() + rb"(?![0-9.])")
_PREAMBLE = 128
_FIRST_GROUPS = (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08")
"""Bytes that a file without preamble begins with: group 2 or 8, in either byte order."""


class NotDicomError(DatasetError):
    """A file is not a DICOM file."""


_IS_QUIET: ContextVar[bool] = ContextVar("pydicom is quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from telling values of headers in warnings and in its log."""
    if _IS_QUIET.get():
        yield
        return
    logger = logging.getLogger("pydicom")
    settings, disabled = pydicom.config.settings, logger.disabled
    mode = settings.reading_validation_mode
    settings.reading_validation_mode = pydicom.config.IGNORE
    logger.disabled = True
    token = _IS_QUIET.set(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _IS_QUIET.reset(token)
        settings.reading_validation_mode = mode
        logger.disabled = disabled


def read_attributes(
    file: Path, *, pixels: bool = False, only: Sequence[str] | None = None
) -> Attributes:
    """Read the data set of a file, with or without preamble.

    Args:
        file: File of any name.
        pixels: Whether to read voxels too.
        only: Keywords of the attributes that are read; None reads all.

    Raises:
        NotDicomError: It is another kind of file.
        DatasetError: It cannot be read, or it is compressed as a whole.
    """
    try:
        with opened(file) as stream:
            return _parsed(stream, file, pixels=pixels, only=only)
    except OSError as error:
        raise DatasetError(
            "This file cannot be read.", file=file, got=error.strerror or type(error).__name__
        ) from None


def _parsed(
    stream: BufferedReader, file: Path, *, pixels: bool, only: Sequence[str] | None
) -> Attributes:
    start = stream.read(_META)
    if not _seems_dicom(start):
        raise NotDicomError("This is not a DICOM file.", file=file)
    if _DEFLATED.search(start):
        raise DatasetError(
            "This file is compressed as a whole.",
            file=file,
            expected="a DICOM file whose header can be read without unpacking it",
            got="the transfer syntax Deflated Explicit VR Little Endian",
            remedy="Export it uncompressed, or convert it (e.g. dcmconv +te of DCMTK).",
        )
    stream.seek(0)
    what = "This file cannot be read as DICOM: its header is damaged, or it was cut off."
    with in_words(what, file, "Export it again."):
        attributes = pydicom.dcmread(
            stream,
            stop_before_pixels=not pixels,
            force=True,
            # Without preamble, the class tells that it is DICOM.
            specific_tags=None if only is None else [_tag(each) for each in ("SOPClassUID", *only)],
        )
    if not _has_preamble(start) and not text(attributes, "SOPClassUID").startswith("1."):
        raise NotDicomError("This is not a DICOM file.", file=file)
    _name_syntax(attributes)
    return attributes


def _name_syntax(attributes: Attributes) -> None:
    """Write the transfer syntax that pydicom saw into a header that does not name it.

    Files without preamble come from before there was such a name; their voxels are plain.
    """
    if getattr(attributes, "file_meta", None) is None:
        attributes.file_meta = FileMetaDataset()
    if value(attributes.file_meta, "TransferSyntaxUID"):
        return
    is_implicit, is_little = getattr(attributes, "original_encoding", (True, True))
    explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    attributes.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit


def _has_preamble(start: bytes) -> bool:
    return start[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def _seems_dicom(start: bytes) -> bool:
    """Whether pydicom is to look at a file: without preamble, if it begins with a first group."""
    return _has_preamble(start) or start[:2] in _FIRST_GROUPS


@contextmanager
def in_words(what: str, file: Path, remedy: str) -> Iterator[None]:
    """Turn whatever a library raises into an error without its text, which may hold values.

    Args:
        what: The fault in one sentence.
        file: The file concerned.
        remedy: Action that the user can take.

    Raises:
        DatasetError: Something was raised.
    """
    try:
        with quiet():
            yield
    except RicenetError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise whatever they meet
        raise DatasetError(
            what, file=file, got=f"{type(error).__name__} of the reader", remedy=remedy
        ) from None


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def value(attributes: Attributes, keyword: str) -> Any:
    """The value of an attribute; None where it is missing, empty or cannot be converted."""
    tag = _tag(keyword)
    if tag not in attributes:  # most are not, and silence takes longer than this
        return None
    try:
        if _IS_QUIET.get():  # silence takes longer than most values
            return attributes[tag].value
        with quiet():
            return attributes[tag].value
    except Exception:  # noqa: BLE001 - of a damaged value, which is missing for whoever asks
        return None


def text(attributes: Attributes, keyword: str) -> str:
    """A value as text without outer blanks; several are joined by a backslash."""
    return "\\".join(texts(attributes, keyword))


def texts(attributes: Attributes, keyword: str) -> tuple[str, ...]:
    """The values of an attribute, each as text; none where it is missing or empty."""
    parts = _parts(value(attributes, keyword))
    return tuple(str(part).strip(" \0\t\r\n") for part in parts)


def numbers(attributes: Attributes, keyword: str, count: int | None = None) -> tuple[float, ...]:
    """Finite numbers; none where one is not finite, or where there are not as many as `count`."""
    try:
        parts = tuple(float(part) for part in _parts(value(attributes, keyword)))
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return ()
    is_fit = all(math.isfinite(part) for part in parts) and count in {None, len(parts)}
    return parts if is_fit else ()


def number(attributes: Attributes, keyword: str) -> float | None:
    """A single finite number; None where there is none."""
    parts = numbers(attributes, keyword, 1)
    return parts[0] if parts else None


def integer(attributes: Attributes, keyword: str) -> int | None:
    """A single whole number; None where there is none."""
    part = number(attributes, keyword)
    return int(part) if part is not None and part == int(part) else None


def items(attributes: Attributes, keyword: str) -> tuple[Attributes, ...]:
    """The items of a sequence."""
    sequence = value(attributes, keyword)
    if not isinstance(sequence, pydicom.Sequence):
        return ()
    return tuple(sequence)


def _parts(content: Any) -> Sequence[Any]:
    if content is None or content == "":
        return ()
    if isinstance(content, str | bytes) or not isinstance(content, Sequence):
        return (content,)
    return tuple(content)


def is_compressed(attributes: Attributes) -> bool:
    """Whether the voxels of a file are compressed."""
    syntax = _syntax(attributes)
    return bool(syntax is not None and syntax.is_encapsulated)


def is_big_endian(attributes: Attributes) -> bool:
    """Whether the bytes of the voxels of a file run the other way."""
    encoding = getattr(attributes, "original_encoding", (None, True))
    return encoding[1] is False


def voxels_of(attributes: Attributes, frames: int, file: Path) -> NDArray[Any]:
    """The stored voxels, decompressed; axes (frames, rows, columns).

    Raises:
        DatasetError: They cannot be decoded, or there are more than the header says.
    """
    what = "These voxels cannot be decoded: they are damaged, or compressed in an unknown way."
    with in_words(what, file, "Export the file again, uncompressed."):
        voxels = np.asarray(attributes.pixel_array)
    shape = (frames, integer(attributes, "Rows"), integer(attributes, "Columns"))
    if shape not in {voxels.shape, (1, *voxels.shape)}:
        raise DatasetError(
            "The voxels of this file do not match its header.",
            file=file,
            expected=f"{shape}: frames, rows, columns",
            got=voxels.shape,
            remedy="Export it again.",
        )
    return voxels.reshape(frames, *voxels.shape[-2:])


def _syntax(attributes: Attributes) -> pydicom.uid.UID | None:
    meta = getattr(attributes, "file_meta", None)
    uid = value(meta, "TransferSyntaxUID") if meta is not None else None
    return uid if isinstance(uid, pydicom.uid.UID) and uid.is_transfer_syntax else None
