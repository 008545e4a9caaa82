"""The bytes of a NIfTI file, in headers written by hand."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.image_content import scan_content
from ricenet_v2.store.image_files import image_files, pair, sha256_of_image
from ricenet_v2.store.image_sizes import Claim
from ricenet_v2.store.images import read_image, read_whole_image
from ricenet_v2.store.stored_image import StoredImage

NO_CLAIM = Claim(0, (), 1)
SMOOTH = np.add.outer(np.arange(20), np.add.outer(np.arange(24), np.arange(22))).astype(np.float32)


def _nifti(order: str, code: int, bits: int, voxels: bytes) -> bytes:
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, 2, 3, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, code, bits)
    struct.pack_into(f"{order}f", header, 108, 352.0)
    header[344:347] = b"n+1"
    return bytes(header) + voxels


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("code", "bits", "kind"), [(16, 32, "f4"), (64, 64, "f8")])
@pytest.mark.parametrize("compress", [False, True])
def test_nan_is_found_in_every_layout(
    tmp_path: Path, order: str, code: int, bits: int, kind: str, compress: bool
) -> None:
    values = np.arange(24, dtype=order + kind)
    values[[3, 7]] = np.nan
    values[9] = np.inf
    content = _nifti(order, code, bits, values.tobytes())
    path = tmp_path / ("a.nii.gz" if compress else "a.nii")
    path.write_bytes(gzip.compress(content) if compress else content)
    assert scan_content(path, NO_CLAIM).fault == "2 NaN and 1 infinite of 24 voxels"
    values[[3, 7, 9]] = 0
    content = _nifti(order, code, bits, values.tobytes())
    path.write_bytes(gzip.compress(content) if compress else content)
    assert scan_content(path, NO_CLAIM).fault == ""


@pytest.mark.parametrize(("code", "bits"), [(4, 16), (16, 32), (64, 64)])
def test_missing_bytes_are_counted_within_a_voxel_and_for_integers_too(
    tmp_path: Path, code: int, bits: int
) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(_nifti("<", code, bits, bytes(bits // 8 * 24 - 5)))
    assert scan_content(path, NO_CLAIM).fault == "5 bytes of voxels are missing"


@pytest.mark.parametrize("given", ["a.hdr", "a.img.gz"])
def test_of_a_pair_the_header_comes_first_whichever_is_named(tmp_path: Path, given: str) -> None:
    for name in ("a.hdr", "a.img.gz", "b.hdr", "a.txt"):
        (tmp_path / name).touch()
    assert pair(tmp_path / given) == (tmp_path / "a.hdr", tmp_path / "a.img.gz")
    with pytest.raises(ValueError, match="0 are called b"):
        pair(tmp_path / "b.hdr")
    (tmp_path / "a.img").touch()
    with pytest.raises(ValueError, match="2 are called a"):
        pair(tmp_path / given)


def test_a_damaged_stream(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(_nifti("<", 4, 16, np.arange(24, dtype="i2").tobytes())))
    content[60] ^= 0xFF
    path = tmp_path / "a.nii.gz"
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="damaged"):
        scan_content(path, NO_CLAIM)


def _fault(path: Path) -> str:
    try:
        return StoredImage(path).scan().fault
    except (ValueError, DatasetError) as fault:
        return str(fault)


FORMATS = ["a.nii.gz", "a.img.gz", "a.mha", "a.mhd", "a.nrrd", "a.nhdr"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_byte_of_compressed_voxels_is_checked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(path), useCompression=True)
    assert StoredImage(path).scan().fault == ""
    voxels = image_files(path)[-1]
    whole = voxels.read_bytes()
    random = np.random.default_rng(0)
    # Of the header of gzip, whose time of change and the like decide nothing, only the ten bytes.
    least = whole.index(b"\n\n") + 12 if name == "a.nrrd" else 10
    least = whole.index(b"LOCAL\n") + 6 if name == "a.mha" else least
    for at in random.integers(least, len(whole), 30):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(random.integers(8))
        voxels.write_bytes(damaged)
        # Some bits mean nothing, such as those that fill up the last byte.
        if not _fault(path):
            np.testing.assert_array_equal(read_image(path)[0], SMOOTH, err_msg=str(at))


@pytest.mark.parametrize("name", ["a.mha", "a.mhd", "a.nrrd", "a.nhdr"])
def test_zeros_in_compressed_voxels_are_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(path), useCompression=True)
    voxels = image_files(path)[-1]
    whole = bytearray(voxels.read_bytes())
    middle = len(whole) * 3 // 4
    whole[middle : middle + 64] = bytes(64)
    voxels.write_bytes(whole)
    with pytest.raises(DatasetError, match="damaged"):
        read_whole_image(path)


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr", "a.hdr", "a.mha", "a.nrrd", "a.nii"])
@pytest.mark.parametrize("change", ["half", "more"])
def test_the_length_of_uncompressed_voxels_is_checked(
    tmp_path: Path, name: str, change: str
) -> None:
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(path), useCompression=False)
    voxels = image_files(path)[-1]
    whole = voxels.read_bytes()
    voxels.write_bytes(whole[: len(whole) // 2] if change == "half" else whole + bytes(8))
    with pytest.raises(DatasetError):
        read_whole_image(path)


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr", "a.hdr", "a.img", "a.nii", "a.mha"])
def test_the_hash_of_an_image_is_that_of_all_its_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(path), useCompression=False)
    files = sorted(tmp_path.iterdir())
    assert sorted(image_files(path)) == files
    seen = {sha256_of_image(path)}
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        seen.add(sha256_of_image(path))
        file.write_bytes(whole)
    assert len(seen) == len(files) + 1


@pytest.mark.parametrize("name", ["A.NII", "A.NII.GZ", "A.IMG", "a.hdr"])
def test_nan_is_found_whatever_the_ending(tmp_path: Path, name: str) -> None:
    made = tmp_path / name.lower()
    sitk.WriteImage(sitk.GetImageFromArray(np.where(SMOOTH > 60, np.nan, SMOOTH)), str(made))
    for file in image_files(made):
        file.rename(file.with_name(file.name.upper() if name.isupper() else file.name))
    n_nan = int(np.count_nonzero(SMOOTH > 60))
    assert (
        StoredImage(tmp_path / name).scan().fault
        == f"{n_nan} NaN and 0 infinite of {SMOOTH.size} voxels"
    )
    with pytest.raises(DatasetError, match=f"{n_nan} NaN"):
        read_whole_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.dcm", "a.tif", "a.vtk", "a.gipl", "a.nia", "a.raw", "a"])
def test_formats_that_cannot_be_checked_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DatasetError, match="not read in this format"):
        read_image(tmp_path / name)


def test_a_file_is_read_as_its_ending_says(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(tmp_path / "a.nrrd"))
    (tmp_path / "a.nrrd").rename(tmp_path / "a.nii")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_image(tmp_path / "a.nii")


def test_a_pair_has_one_file_of_voxels(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(SMOOTH), str(tmp_path / "a.hdr"))
    (tmp_path / "a.img.gz").write_bytes(gzip.compress((tmp_path / "a.img").read_bytes()))
    with pytest.raises(DatasetError, match="2 are called a"):
        read_image(tmp_path / "a.hdr")
    assert image_files(tmp_path / "a.hdr") == (tmp_path / "a.hdr",)
