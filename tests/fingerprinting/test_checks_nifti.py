"""The bytes of a NIfTI file, in headers written by hand."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.fingerprinting.checks_nifti import check_nifti
from ricenet_v2.fingerprinting.findings import Place

PLACE = Place("case", "file")


def _nifti1(order: str, code: int, bits: int, voxels: bytes) -> bytes:
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, 2, 3, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, code, bits)
    struct.pack_into(f"{order}f", header, 108, 352.0)
    return bytes(header) + voxels


def _nifti2(order: str, code: int, bits: int, voxels: bytes) -> bytes:
    header = bytearray(544)
    struct.pack_into(f"{order}i", header, 0, 540)
    struct.pack_into(f"{order}2h", header, 12, code, bits)
    struct.pack_into(f"{order}8q", header, 16, 3, 2, 3, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}q", header, 168, 544)
    return bytes(header) + voxels


@pytest.mark.parametrize("make", [_nifti1, _nifti2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("code", "bits", "kind"), [(16, 32, "f4"), (64, 64, "f8")])
@pytest.mark.parametrize("compress", [False, True])
def test_nan_is_found_in_every_layout(
    tmp_path: Path, make: object, order: str, code: int, bits: int, kind: str, compress: bool
) -> None:
    values = np.arange(24, dtype=order + kind)
    values[[3, 7]] = np.nan
    values[9] = np.inf
    content = make(order, code, bits, values.tobytes())  # type: ignore[operator]
    path = tmp_path / "a.nii"
    path.write_bytes(gzip.compress(content) if compress else content)
    (finding,) = check_nifti(path, PLACE)
    assert finding.found == "2 NaN and 1 infinite of 24 voxels"
    values[[3, 7, 9]] = 0
    path.write_bytes(make(order, code, bits, values.tobytes()))  # type: ignore[operator]
    assert check_nifti(path, PLACE) == []


@pytest.mark.parametrize("make", [_nifti1, _nifti2])
def test_missing_bytes_are_counted_for_integers_too(tmp_path: Path, make: object) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(make("<", 4, 16, bytes(2 * 24 - 5)))  # type: ignore[operator]
    (finding,) = check_nifti(path, PLACE)
    assert finding.found == "5 bytes of voxels are missing"


def test_a_damaged_stream(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(_nifti1("<", 4, 16, np.arange(24, dtype="i2").tobytes())))
    content[60] ^= 0xFF
    path = tmp_path / "a.nii.gz"
    path.write_bytes(bytes(content))
    (finding,) = check_nifti(path, PLACE)
    assert finding.check == "unreadable file"
    assert "damaged" in finding.found
