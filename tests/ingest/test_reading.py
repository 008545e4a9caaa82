"""Values of headers are read in silence, which ends where the reading ends."""

import logging
import threading
import warnings

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ricenet_v2.ingest import reading


def _state():
    mode = pydicom.config.settings.reading_validation_mode
    return mode, logging.getLogger("pydicom").disabled, len(warnings.filters)


def test_silence_within_silence_lasts_until_the_outer_one_ends():
    before = _state()
    with reading.quiet():
        within = _state()
        with reading.quiet():
            assert _state() == within
        assert _state() == within
        assert within[:2] == (pydicom.config.IGNORE, True)
    assert _state() == before
    with pytest.raises(KeyError), reading.quiet():
        raise KeyError
    assert _state() == before


@pytest.mark.parametrize("outer", [True, False])
def test_a_value_that_pydicom_warns_of_is_read_without_a_word(outer, caplog):
    attributes, tag, content = pydicom.Dataset(), Tag("StudyInstanceUID"), b"1.2.Muster"
    attributes._dict[tag] = RawDataElement(tag, "UI", len(content), content, 0, False, True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if outer:
            with reading.quiet():
                text = reading.text(attributes, "StudyInstanceUID")
        else:
            text = reading.text(attributes, "StudyInstanceUID")
    assert "Muster" in text
    assert not said
    assert not caplog.records


def test_the_silence_of_a_thread_is_no_other_one_s():
    seen = []
    with reading.quiet():
        thread = threading.Thread(target=lambda: seen.append(reading._IS_QUIET.get()))
        thread.start()
        thread.join()
    assert seen == [False]
