"""Words, dates and UIDs in all attributes and fields leave the folder of the scan nowhere.

Planted are the attributes of pydicom's dictionary that hold text, dates or UIDs, those of the table
of PS3.15 where that is at hand, and every field of NIfTI and of a sidecar that holds text.
"""

import contextlib
import gzip
import json
import logging
import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ricenet_v2.store.images import write_image
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.conversions import command
from tests.ingest.dicom_patient import SHAPE, SPACING, _grid, write_patient
from tests.ingest.dicom_writer import INGEST, save
from tests.ingest.picture_texts import without_pixels

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
GROUPS = (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x0088, 0x0400,
          0x3002, 0x3006, 0x3008, 0x300A, 0x300C, 0x300E, 0x4000, 0x4008, 0x4010)  # fmt: skip
"""Of patient, study, equipment and treatment; not those that say how voxels are to be read."""
SEQUENCES = (
    "AdmittingDiagnosesCodeSequence", "ReferencedPatientSequence", "OtherPatientIDsSequence",
    "OperatorIdentificationSequence", "RequestAttributesSequence", "OriginalAttributesSequence",
    "ContentCreatorIdentificationCodeSequence", "ReferencedStudySequence",
)  # fmt: skip
ORDERED_BY = ("AcquisitionDate", "SeriesDate")
"""What proposals go by: each is that of its study, so many years before."""
YEARS = 33
SEARCHED = (
    WORD, DATE, "987654321", "1.2.826", "Doe", "Jane", "GTV", "20200102", "19870102", "19880601",
)  # fmt: skip


def _tags():
    """Tags to be planted: of the dictionary, and of the table of the standard."""
    chosen = {
        tag
        for tag, (vr, *_) in DicomDictionary.items()
        if tag >> 16 in GROUPS and vr in VALUES and vr != "CS"
    }
    if TABLE.is_file():
        for entry in json.loads(TABLE.read_text()):
            with contextlib.suppress(ValueError, KeyError):  # of repeating or private groups
                tag = int(entry["id"], 16)
                dictionary_VR(tag)
                chosen.add(tag)
    return sorted(tag for tag in chosen if tag >> 16 > 2)


def _item():
    item = Dataset()
    item.PatientName, item.TextValue, item.UID = WORD, WORD, UID
    return item


def _plant(data):
    """Every attribute that is not there, a private one, and sequences of these."""
    count = 0
    for tag in _tags():
        vr = dictionary_VR(tag)
        if tag in data or keyword_for_tag(tag) in ORDERED_BY:
            continue
        if vr == "SQ":
            data.add_new(tag, "SQ", Sequence([_item()]))
        elif vr in VALUES:
            data.add_new(tag, vr, VALUES[vr])
        count += 1
    for keyword in SEQUENCES:
        setattr(data, keyword, Sequence([_item()]))
    data.add_new(0x60004000, "LT", WORD)
    data.private_block(0x0019, f"{WORD} 1", create=True).add_new(1, "LO", WORD)
    return count


NIFTI_TEXTS = {"data_type": (4, 10), "db_name": (14, 18), "descrip": (148, 80),
               "aux_file": (228, 24), "intent_name": (328, 16)}  # fmt: skip
"""First byte and length of each field of nifti1.h that holds text."""


def _plant_nifti(path):
    """Every text field of the header, an extension (a comment), and a sidecar."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    for start, length in NIFTI_TEXTS.values():
        content[start : start + length] = WORD[:length].encode().ljust(length, b"\0")
    struct.pack_into("<f", content, 108, 352 + 64)
    extension = struct.pack("<2i", 64, 6) + f"{WORD} {DATE}".encode().ljust(56, b"\0")
    path.write_bytes(gzip.compress(content[:348] + b"\1\0\0\0" + extension + content[352:]))
    fields = dict.fromkeys(("PatientName", "SeriesDescription", "ContrastBolusIngredient"), WORD)
    sidecar = path.with_name(path.name.replace(".nii.gz", ".json"))
    sidecar.write_text(json.dumps(fields | {"AcquisitionDateTime": DATE, "StudyInstanceUID": UID}))


def _search(folder, said):
    """Every byte below a folder, all names and all that was printed."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    read = {".gz": gzip.decompress, ".png": without_pixels}
    content = b"".join(read.get(path.suffix, bytes)(path.read_bytes()) for path in files)
    names = "".join(str(path.relative_to(folder)) for path in files)
    for word in SEARCHED:
        assert word.encode() not in content
        assert word not in said + names
        # NIfTI and JSON may hold texts in UTF-16 too.
        assert word.encode("utf-16-le") not in content
    return content


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A patient in whose files, and names of these, all that identifies is planted."""
    folder = tmp_path_factory.mktemp("planted")
    patient = folder / "studies" / f"{WORD}_1987"
    write_patient(patient, f"{WORD}.7", is_still=True)
    _plant_nifti(patient / "mask_of_Jane.nii.gz")
    for file in [path for path in patient.rglob("*") if path.is_file() and not path.suffix]:
        data = dcmread(file)
        for keyword in ORDERED_BY:
            setattr(data, keyword, str(int(data.StudyDate) - YEARS * 10_000))
        save(data, file)
    for name in ("A/033", "B/039", "C/039", "D", "E", "F", "G"):
        data = dcmread(patient / name)
        assert _plant(data) > 300
        save(data, patient / name.replace("/0", f"/{WORD}"))
        if "/" in name:
            (patient / name).unlink()
    code, said = command("scan", folder / "studies", "-o", folder / "work")
    assert code == 0
    assert WORD not in said
    mask = next(r["key"] for r in read_rows(folder / "work" / "series.csv") if not r["modality"])
    (row,) = read_rows(folder / "work" / "manifest.csv")
    row |= {"brain": mask, "lesion_roi": "GTV Doe"}
    rows = [row | {"label": label, "case": case} for label, case in (("a", "1"), ("b", "2"))]
    bad = {"label": "a", "case": "3", "lesion_roi": f"{WORD} of nobody"}
    write_rows(folder / "work" / "manifest.csv", [*rows, row | bad])
    return folder


def test_no_byte_that_is_written_or_printed_identifies(planted, caplog):
    caplog.set_level(logging.DEBUG)
    code, said = command("cases", planted / "work" / "manifest.csv", planted / "raw")
    assert code == 1
    assert "2 cases converted, 0 unchanged, 1 failed" in said
    content = _search(planted / "raw", said + caplog.text)
    assert np.frombuffer(content, np.uint8).size > 1e6


def test_images_in_other_formats_identify_nobody(tmp_path, caplog):
    """Header fields, extensions, sidecars, names of files and folders; errors too."""
    caplog.set_level(logging.DEBUG)
    grid = _grid(SHAPE, (SPACING,) * 3)
    # Whole numbers: bytes of others may spell a short word by chance.
    head = np.random.default_rng(0).integers(1, 900, SHAPE).astype(np.float32)
    dose = np.full(SHAPE, 60, np.float32)
    session = tmp_path / "studies" / f"{WORD}_Jane" / f"{DATE}"
    for name, voxels in (("t1c", head), ("dose", dose), ("mask", dose > 0), ("cut", head)):
        path = session / f"{WORD}_{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, voxels.astype(np.float32), grid)
        _plant_nifti(path)
    whole = (session / f"{WORD}_cut.nii.gz").read_bytes()
    (session / f"{WORD}_cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    code, said = command("scan", tmp_path / "studies", "-o", tmp_path / "work")
    assert code == 0
    assert WORD not in said
    keys = {row["description"].split("_")[-1].split(".")[0]: row["key"]
            for row in read_rows(tmp_path / "work" / "series.csv")}  # fmt: skip
    (row,) = read_rows(tmp_path / "work" / "manifest.csv")
    row |= {"mri:T1c_post_op": keys["t1c"], "dose": keys["dose"], "dose_unit": "Gy",
            "fractions": "30", "prescription_gy": "60", "structures": keys["mask"]}  # fmt: skip
    del row["mri:T1c_event"]
    changes = [{"label": "a"}, {"label": "b"}, {"label": "a", "mri:T1c_post_op": keys["cut"]},
               {"label": "a", "dose": keys["cut"]}, {"label": "a", "dose_unit": ""}]  # fmt: skip
    rows = [row | {"case": str(case)} | change for case, change in enumerate(changes)]
    write_rows(tmp_path / "work" / "manifest.csv", rows)
    code, said = command("cases", tmp_path / "work" / "manifest.csv", tmp_path / "raw")
    assert code == 1
    assert "2 cases converted, 0 unchanged, 3 failed" in said
    _search(tmp_path / "raw", said + caplog.text)
