"""What ITK and its NIfTI library say of a file is logged with its name, and never printed."""

from __future__ import annotations

import gzip
import logging
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.itk_messages import _log, messages_of

GRID = Grid((5, 6, 7), (2.0, 3.0, 2.5), (-4.0, 5.0, 6.0))


@pytest.fixture
def noisy():
    """An image of which ITK warns when it writes it."""
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5), np.float32))
    image.SetMetaData("ITK_FileNotes", "")
    return image


def test_what_needs_no_attention_is_for_debugging(noisy, tmp_path, capfd, caplog):
    with caplog.at_level(logging.DEBUG, logger="ricenet_v2"), messages_of(tmp_path / "a.mha"):
        sitk.WriteImage(noisy, str(tmp_path / "a.mha"))
    (line,) = caplog.records
    assert line.levelno == logging.DEBUG
    assert line.getMessage().startswith(f"{tmp_path / 'a.mha'}: ITK says: Unsupported or empty")
    assert "itkMeta" not in "".join(capfd.readouterr())  # what ITK itself would write


def test_what_is_not_known_is_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"), messages_of(tmp_path / "a.mha"):
        _log("WARNING: In /itk/a.cxx, line 7\nMetaImageIO (0x7): The sky is green\n\n")
    assert caplog.messages == [f"{tmp_path / 'a.mha'}: ITK says: The sky is green"]


def test_messages_of_the_images_of_others_stay_where_they_were(noisy, tmp_path, capfd, caplog):
    with messages_of(tmp_path / "ours.mha"):
        pass
    sitk.WriteImage(noisy, str(tmp_path / "theirs.mha"))
    assert "ITK_FileNotes" in capfd.readouterr().err
    assert not caplog.records


@pytest.mark.parametrize(
    ("start", "value", "said"),
    [
        (70, 1234, "number format (datatype) is 1234"),
        (70, 0, "number format (datatype) is 0"),
        (40, 0, "axes (dim) are 0, 7, 6, 5"),
        (40, 9, "axes (dim) are 9"),
        (42, -5, "axes (dim) are 3, -5"),
        # ITK reads one slice of it.
        (46, -3, "axes (dim) are 3, 7, 6, -3"),
    ],
)
def test_a_header_that_makes_the_library_print_is_refused_in_words(
    tmp_path, capfd, start, value, said
):
    path = tmp_path / "a.nii.gz"
    write_image(path, np.ones(GRID.shape, np.float32), GRID)
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<h", content, start, value)
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DatasetError) as caught:
        read_image(path)
    assert said in str(caught.value)
    assert "itkMeta" not in "".join(capfd.readouterr())  # what ITK itself would write
