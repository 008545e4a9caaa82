"""Words, dates and UIDs in all attributes of PS3.15 leave the folder of the scan nowhere."""

import contextlib
import gzip
import io
import json
import logging

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ricenet_v2.cli import convert
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.dicom_patient import write_patient
from tests.ingest.dicom_writer import INGEST, save

TABLE = INGEST / "dicom-standard" / "confidentiality_profile_attributes.json"
WORD, DATE, UID = "PLANTEDWORD", "19870605", "1.2.826.987654321"
VALUES = {
    **dict.fromkeys(("LO", "SH", "LT", "ST", "UT", "UC", "UR", "CS", "AE"), WORD),
    "PN": f"{WORD}^{WORD}",
    "DA": DATE,
    "DT": f"{DATE}101112",
    "TM": "234509",
    "UI": UID,
    "AS": "087Y",
    "OB": WORD.encode() * 2,
    "OW": WORD.encode() * 2,
}
ORDERED_BY = {"AcquisitionDate", "SeriesDate"}
"""What proposals go by; other tests have dates there."""


def _plant(data):
    """Every attribute of the table that is not there, a private one, and sequences of all these."""
    count = 0
    for entry in json.loads(TABLE.read_text()):
        try:
            tag = int(entry["id"], 16)
            vr = dictionary_VR(tag)
        except (ValueError, KeyError):  # of repeating or private groups
            continue
        if tag in data or tag >> 16 <= 2:
            continue
        if vr == "SQ":
            item = Dataset()
            item.PatientName, item.TextValue, item.UID = WORD, WORD, UID
            data.add_new(tag, "SQ", Sequence([item]))
        elif vr in VALUES:
            data.add_new(tag, vr, VALUES[vr])
        count += 1
    data.add_new(0x60004000, "LT", WORD)
    data.private_block(0x0019, f"{WORD} 1", create=True).add_new(1, "LO", WORD)
    for keyword in ORDERED_BY & set(data.dir()):
        delattr(data, keyword)
    return count


def _run(*words):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = convert.main([str(word) for word in words])
    return code, out.getvalue()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A patient in whose files, and names of these, all that identifies is planted."""
    folder = tmp_path_factory.mktemp("planted")
    patient = folder / "studies" / f"{WORD}_1987"
    write_patient(patient, f"{WORD}.7", is_still=True)
    for name in ("A/033", "B/039", "C/039", "D", "E", "F", "G"):
        data = dcmread(patient / name)
        assert _plant(data) > 300
        save(data, patient / name.replace("/0", f"/{WORD}"))
        if "/" in name:
            (patient / name).unlink()
    code, said = _run("scan", folder / "studies", "-o", folder / "work")
    assert code == 0
    assert WORD not in said
    mask = next(r["key"] for r in read_rows(folder / "work" / "series.csv") if not r["modality"])
    (row,) = read_rows(folder / "work" / "manifest.csv")
    row |= {"brain": mask, "lesion_roi": "GTV Doe"}
    rows = [row | {"label": label, "case": case} for label, case in (("a", "1"), ("b", "2"))]
    bad = {"label": "a", "case": "3", "lesion_roi": f"{WORD} of nobody"}
    write_rows(folder / "work" / "manifest.csv", [*rows, row | bad])
    return folder


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_no_byte_that_is_written_or_printed_identifies(planted, caplog):
    caplog.set_level(logging.DEBUG)
    code, said = _run("cases", planted / "work" / "manifest.csv", planted / "raw")
    assert code == 1
    assert "2 cases converted, 0 unchanged, 1 failed" in said
    files = [path for path in (planted / "raw").rglob("*") if path.is_file()]
    content = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in files
    )
    names = "".join(str(path.relative_to(planted)) for path in files)
    for word in (WORD, DATE, "987654321", "1.2.826", "Doe", "Jane", "GTV", "20200102"):
        assert word.encode() not in content
        assert word not in said + names + caplog.text
        # NIfTI and JSON may hold texts in UTF-16 too.
        assert word.encode("utf-16-le") not in content
    assert np.frombuffer(content, np.uint8).size > 1e6
