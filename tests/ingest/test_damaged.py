"""Damaged radiotherapy files end in an error with words, never in another."""

import logging
import traceback
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.plan_dose import dose_of_plan
from ricenet_v2.ingest.reading import quiet
from ricenet_v2.ingest.spatial_registration import read_spatial_registration
from ricenet_v2.ingest.structures import read_structures, structure_mask
from ricenet_v2.ingest.treatment_plan import read_plan
from tests.ingest.dicom_writer import (
    dose_object,
    plan_object,
    registration_object,
    save,
    structures_object,
)

GY = np.full((3, 4, 5), 61.0)
SQUARE = np.array([(1, 1, 0), (3, 1, 0), (3, 3, 0), (1, 3, 0)], dtype=float)
SHARES = st.floats(0, 1, exclude_max=True)
WORDS = st.binary(max_size=24) | st.sampled_from([b"nan", b"1e999", b"-1\\2", b"9" * 400, b"1,5"])


def test_silence_in_silence_ends_with_the_outer_one():
    log = logging.getLogger("pydicom")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet():
            with quiet():
                warnings.warn("inner", stacklevel=1)
            warnings.warn("outer", stacklevel=1)
            assert log.disabled
        warnings.warn("after", stacklevel=1)
        with quiet():
            assert log.disabled
    assert not log.disabled
    assert [str(each.message) for each in caught] == ["after"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rt")


def _masks(file):
    grid = Grid((6, 6, 6), (1.0, 1.0, 1.0))
    return [structure_mask(each, grid) for each in read_structures(file)]


def _of_plan(file):
    dose = save(dose_object(GY), file.with_suffix(".dose"))
    return dose_of_plan([read_dose([dose])], read_plan(file))


KINDS = {
    "dose": (lambda: dose_object(GY), lambda file: read_dose([file])),
    "plan": (plan_object, _of_plan),
    "structures": (
        lambda: structures_object({"SECRET": [SQUARE + np.array([0, 0, z]) for z in range(3)]}),
        _masks,
    ),
    "registration": (
        lambda: registration_object({"1.2.3": [np.eye(4), np.eye(4)]}),
        read_spatial_registration,
    ),
}


def _check_words(read, file):
    words = ""
    try:
        read(file)
    except RicenetError as error:
        words = "".join(traceback.format_exception(error))
    assert "SECRET" not in words


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_read(folder, kind):
    write, read = KINDS[kind]
    assert read(save(write(), folder / f"{kind}.whole"))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(
    changes=st.lists(st.tuples(SHARES, st.integers(0, 255)), min_size=1, max_size=4),
    cut=SHARES,
    end=SHARES,
)
def test_damaged_bytes(folder, kind, changes, cut, end):
    write, read = KINDS[kind]
    file = folder / f"{kind}.bytes"
    content = bytearray(save(write(), file).read_bytes())
    for share, value in changes:
        content[int(share * len(content))] = value
    file.write_bytes(content[: int(end * len(content))] if cut > 0.7 else content)
    _check_words(read, file)


def _elements(data):
    """Data sets and tags, those of sequences too."""
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)
        yield data, element.tag


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(share=SHARES, value=WORDS)
def test_values_of_any_bytes(folder, kind, share, value):
    write, read = KINDS[kind]
    file = folder / f"{kind}.values"
    data = dcmread(save(write(), file))
    places = list(_elements(data))
    place, tag = places[int(share * len(places))]
    with quiet():
        place._dict[tag] = RawDataElement(tag, "UN", len(value), value, 0, False, True)
        data.save_as(file)
    _check_words(read, file)
