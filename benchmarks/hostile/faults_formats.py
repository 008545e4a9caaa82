"""Faults of images in other formats than .nii.gz, and of voxels in a file of their own."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.hostile.faults import Fault, Place

ENDINGS = (".nii", ".NII", ".NII.GZ", ".img", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Formats to which the dataset is converted before it is spoilt."""

_DATA = {".nhdr": (".raw", ".raw.gz"), ".mhd": (".raw", ".zraw"), ".hdr": (".img",)}
_DAMAGED = ("{case}", "read|missing|damaged|claims|truncated|bytes|no such|format|convert")


def data(place: Place) -> Path:
    """The file that holds the voxels."""
    stem = place.file.name.removesuffix(place.ending)
    beside = (place.file.with_name(stem + end) for end in _DATA.get(place.ending, ()))
    return next((path for path in beside if path.is_file()), place.file)


def convert(folder: Path, ending: str) -> None:
    """Write every image of a folder in another format; voxels are compressed where it can."""
    for path in sorted(folder.glob("*.nii.gz")):
        target = path.with_name(path.name.removesuffix(".nii.gz") + ending)
        # ITK chooses the format by small letters, and Analyze by the pair.
        written = target.with_name(target.name.lower().replace("c", "C", 1))
        if ending == ".hdr":
            written = target.with_suffix(".img")
        image = sitk.ReadImage(str(path))
        for key in image.GetMetaDataKeys():  # ITK warns of each that a format does not hold
            image.EraseMetaData(key)
        sitk.WriteImage(image, str(written), useCompression=True)
        if not target.is_file():
            written.rename(target)
        path.unlink(missing_ok=True)


def _cut(keep: float) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        content = data(place).read_bytes()
        data(place).write_bytes(content[: int(len(content) * keep)])

    return spoil


def _nan(place: Place) -> None:
    """A voxel NaN, put into the bytes."""
    path = data(place)
    content = path.read_bytes()
    is_packed = content[:2] == b"\x1f\x8b"
    plain = bytearray(gzip.decompress(content) if is_packed else content)
    at = len(plain) - 4 * 100
    plain[at : at + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(gzip.compress(bytes(plain)) if is_packed else bytes(plain))


def _zeros(place: Place) -> None:
    """64 bytes of zeros inside of compressed voxels."""
    path = data(place)
    content = bytearray(path.read_bytes())
    at = len(content) * 2 // 3
    content[at : at + 64] = bytes(64)
    path.write_bytes(content)


def _plain_nan(place: Place) -> None:
    """A voxel NaN, written by ITK."""
    image = sitk.ReadImage(str(place.file))
    image.SetPixel([3, 4, 5], float("nan"))
    sitk.WriteImage(image, str(place.file), useCompression=True)


def _text(pattern: str, after: str) -> Callable[[Place], None]:
    """Another text in the header; before the last line of MetaImage where the pattern is empty."""

    def spoil(place: Place) -> None:
        content = place.file.read_bytes()
        sought = (pattern or "(?=ElementDataFile|type: )").encode()
        changed, n = re.subn(sought, after.encode(), content, count=1)
        if not n:
            raise ValueError(f"no {pattern} in {place.file}")
        place.file.write_bytes(changed)

    return spoil


def _longer(place: Place) -> None:
    """Bytes behind the voxels."""
    with data(place).open("ab") as stream:
        stream.write(b"\1" * 64)


_NAMED = ("{case}",)
_SPACE = (*_NAMED, "mm|patient|voxel size|two conflicting|length")
_META = tuple(
    Fault(name, _text(pattern, after), words)
    for name, pattern, after, words in (
        ("no size of the compressed voxels", r"CompressedDataSize = \d+\n", "", _DAMAGED),
        ("another size of the compressed voxels", r"(?<=DataSize = )\d", "0", _DAMAGED),
        ("HeaderSize of 64", "", "HeaderSize = 64\n", _DAMAGED),
        ("a spacing twice", "", "ElementSpacing = 9 9 9\n", (*_NAMED, "twice")),
        ("a size twice", "", "DimSize = 9 9 9\n", (*_NAMED, "twice")),
        ("a line that is no field", "", "Remark\n", (*_NAMED, "no field")),
        ("no ElementSpacing", r"ElementSpacing = .*\n", "", _SPACE),
        ("a spacing below 0", "(?<=ElementSpacing = )", "-", _SPACE),
        ("another AnatomicalOrientation", r"(?<=Orientation = )\w+", "SPR", _SPACE),
        ("another Rotation", "", "Rotation = 0 1 0 1 0 0 0 0 1\n", _SPACE),
        ("another Origin", "", "Origin = 900 0 0\n", _SPACE),
        ("DistanceUnits of cm", "", "DistanceUnits = cm\n", _SPACE),
        (
            "a slope of the voxels",
            "",
            "ElementToIntensityFunctionSlope = 0.5\n",
            (*_NAMED, "other voxels"),
        ),
        ("99 axes", "NDims = 3", "NDims = 99", (*_NAMED, "three axes")),
    )
)
_NRRD = tuple(
    Fault(name, _text(pattern, after), words)
    for name, pattern, after, words in (
        ("scanner-xyz", "left-posterior-superior", "scanner-xyz", _SPACE),
        ("3D-right-handed", "left-posterior-superior", "3D-right-handed", _SPACE),
        ("units of cm", "", 'space units: "cm" "cm" "cm"\n', _SPACE),
        ("a byte skip", "", "byte skip: 4\n", _DAMAGED),
        ("quantized voxels", "", "old min: 0\nold max: 1\n", (*_NAMED, "other voxels")),
    )
)
_SIZES = (
    Fault("half of the voxels", _cut(0.5), _DAMAGED),
    Fault("all but the last bytes of the voxels", _cut(0.98), _DAMAGED),
    Fault("no bytes of voxels", _cut(0.0), _DAMAGED),
    Fault("no file of voxels", lambda p: data(p).unlink(), _DAMAGED),
)
_LONGER = Fault(
    "bytes behind the voxels", _longer, (*_NAMED, "behind|more than|holds|bytes|damaged")
)
_COMPRESSED = Fault("64 zero bytes in compressed voxels", _zeros, _DAMAGED)
_BYTES = Fault("a voxel NaN", _nan, ("{case}", "finite|NaN|format|convert"))
_VALUE = Fault("a voxel NaN", _plain_nan, ("{case}", "finite|NaN|format|convert"))


def faults_of(ending: str) -> tuple[Fault, ...]:
    """Those that can be made in a format."""
    if ending in (".nrrd", ".nhdr", ".mha", ".mhd"):
        texts = _META if ending in (".mha", ".mhd") else _NRRD
        return (*_SIZES, _COMPRESSED, _VALUE, _LONGER, *texts)
    if ending == ".NII.GZ":
        return (*_SIZES, _COMPRESSED, _BYTES, _LONGER)
    return (*_SIZES, _BYTES, _LONGER)
