"""An image that claims more than its files can hold is refused before memory is taken."""

import bz2
import gzip
import os
import struct
import time
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks import resident
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.images import read_image

SIDE = 800  # 2 GB of float32
SMALL = sitk.GetImageFromArray(np.arange(120, dtype=np.float32).reshape(4, 5, 6))
META = "NDims = 3\nDimSize = 6 5 4\nElementSpacing = 1 1 1\nElementType = MET_FLOAT\n"


def nifti(path, compress):
    sitk.WriteImage(SMALL, str(path.with_name("t.nii")))
    header = bytearray(path.with_name("t.nii").read_bytes())
    struct.pack_into("<3h", header, 42, SIDE, SIDE, SIDE)
    path.write_bytes(gzip.compress(bytes(header)) if compress else bytes(header))


def pair(path):
    sitk.WriteImage(SMALL, str(path))
    header = bytearray(path.with_suffix(".hdr").read_bytes())
    struct.pack_into("<3h", header, 42, SIDE, SIDE, SIDE)
    path.with_suffix(".hdr").write_bytes(header)


def text(path, before, after, *, compress):
    sitk.WriteImage(SMALL, str(path), useCompression=compress)
    whole = path.read_bytes()
    assert before in whole
    path.write_bytes(whole.replace(before, after))


DIMS = (b"DimSize = 6 5 4", b"DimSize = 800 800 800")
SIZES = (b"sizes: 6 5 4", b"sizes: 800 800 800")
FORMATS = {
    "a.nii": lambda path: nifti(path, compress=False),
    "a.nii.gz": lambda path: nifti(path, compress=True),
    "A.NII.GZ": lambda path: nifti(path, compress=True),
    "a.hdr": pair,
    "a.img": pair,
    "a.mha": lambda path: text(path, *DIMS, compress=False),
    "b.mha": lambda path: text(path, *DIMS, compress=True),
    "a.mhd": lambda path: text(path, *DIMS, compress=False),
    "b.mhd": lambda path: text(path, *DIMS, compress=True),
    "a.nrrd": lambda path: text(path, *SIZES, compress=False),
    "b.nrrd": lambda path: text(path, *SIZES, compress=True),
    "a.nhdr": lambda path: text(path, *SIZES, compress=False),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_claim_that_the_file_cannot_keep_costs_nothing(tmp_path, name):
    path = tmp_path / name
    FORMATS[name](path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 8000
    resident.forget_peak()
    before, start = resident.peak_bytes(), time.perf_counter()
    with pytest.raises(DatasetError, match=r"claims 2,048,000,000 bytes") as told:
        read_image(path)
    assert told.value.file == path
    assert resident.peak_bytes() - before < 200e6
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(
    "name", ["a.nii", "a.nii.gz", "a.hdr", "a.img", "a.mha", "a.mhd", "a.nrrd", "a.nhdr"]
)
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_whole_images_are_read(tmp_path, name, compress, kind):
    for made in (np.zeros((40, 50, 60), kind), np.arange(120).reshape(4, 5, 6).astype(kind)):
        image = sitk.GetImageFromArray(made)
        sitk.WriteImage(image, str(tmp_path / name), useCompression=compress)
        np.testing.assert_array_equal(read_image(tmp_path / name)[0], made)


def test_the_best_that_gzip_can_do_is_believed(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((200, 200, 200), np.float32))
    sitk.WriteImage(image, str(tmp_path / "a.nii"))
    whole = gzip.compress((tmp_path / "a.nii").read_bytes(), 9)
    (tmp_path / "b.nii.gz").write_bytes(whole)
    assert 32_000_000 / len(whole) > 1000
    assert not read_image(tmp_path / "b.nii.gz")[0].any()


def test_scaled_whole_numbers_are_judged_as_they_are_stored(tmp_path):
    image = sitk.GetImageFromArray(np.ones((30, 30, 30), np.int16))
    sitk.WriteImage(image, str(tmp_path / "a.nii"))
    whole = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<2f", whole, 112, 0.5, 1.0)
    (tmp_path / "a.nii").write_bytes(whole)
    assert (read_image(tmp_path / "a.nii")[0] == 1.5).all()


def test_numbers_written_as_text_are_refused(tmp_path):
    head = b"NRRD0004\ntype: double\ndimension: 3\nsizes: 6 5 4\nencoding: text\n\n"
    (tmp_path / "a.nrrd").write_bytes(head + b"1 " * 120)
    meta = META.encode() + b"BinaryData = False\n"
    (tmp_path / "a.mha").write_bytes(meta + b"ElementDataFile = LOCAL\n" + b"1 " * 120)
    for name, told in (("a.nrrd", "encoding is 'text'"), ("a.mha", "written as text")):
        with pytest.raises(DatasetError, match=told):
            read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["../a.raw", "/dev/zero", "x/../../a.raw", "nothing.raw", "LIST"])
def test_voxels_elsewhere_are_not_read(tmp_path, name):
    (tmp_path / "a.raw").write_bytes(bytes(480))
    (tmp_path / "in").mkdir()
    meta = f"{META}ElementDataFile = "
    (tmp_path / "in" / "a.mhd").write_text(f"{meta}{name}\n")
    nrrd = "NRRD0004\ntype: float\ndimension: 3\nsizes: 6 5 4\nendian: little\nencoding: raw\n"
    (tmp_path / "in" / "a.nhdr").write_text(f"{nrrd}data file: {name}\n\n")
    for header in ("a.mhd", "a.nhdr"):
        with pytest.raises(DatasetError, match=header):
            read_image(tmp_path / "in" / header)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.raw")
    meta = f"{META}ElementDataFile = a.raw\n"
    (tmp_path / "a.mhd").write_text(meta)
    with pytest.raises(DatasetError, match="is missing"):
        read_image(tmp_path / "a.mhd")


def test_bounds_of_compression_are_those_of_the_formats():
    from ricenet_v2.store.sizes import DEFLATE

    zeros = bytes(45_899_235)
    assert 0.9 * DEFLATE < len(zeros) / len(zlib.compress(zeros, 9)) <= DEFLATE


@pytest.mark.parametrize("encoding", ["bzip2", "BZ2"])
def test_a_compression_that_cannot_be_read_costs_nothing(tmp_path, encoding):
    header = f"""NRRD0004
type: float
dimension: 3
space: left-posterior-superior
sizes: 1000 1000 300
space directions: (1,0,0) (0,1,0) (0,0,1)
space origin: (0,0,0)
encoding: {encoding}
endian: little

"""
    (tmp_path / "a.nrrd").write_bytes(header.encode() + bz2.compress(bytes(10**6)))
    resident.forget_peak()
    before = resident.peak_bytes()
    with pytest.raises(DatasetError, match="compressed with bzip2"):
        read_image(tmp_path / "a.nrrd")
    assert resident.peak_bytes() - before < 100e6
