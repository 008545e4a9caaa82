"""Conversions of simulated studies: the command, corrected manifests, what was written."""

import contextlib
import io
import re
import shutil
from pathlib import Path

from ricenet_v2.cli import convert
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.dicom_patient import write_patient

NAMES = ("Muster-4711", "Beispiel-0815", "Niemand-1")
GOOD = ("good-Anna", "good-Otto")


def command(*words):
    """Run `ricenet_convert`: its exit code, and all that was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = convert.main([str(word) for word in words])
    return code, out.getvalue()


def corrected(work, labels, **cells):
    """Write labels by patient, and what is the same for all patients."""
    series = read_rows(work / "series.csv")
    folders = {row["patient"]: Path(row["folder"]).parts[0] for row in series if row["modality"]}
    masks = {row["folder"]: row["key"] for row in series if not row["modality"]}
    rows = read_rows(work / "manifest.csv")
    for row in rows:
        row["brain"] = masks[folders[row["patient"]]]
        row |= {"label": labels[row["patient"]], "lesion_roi": "GTV Doe", **cells}
    write_rows(work / "manifest.csv", rows)
    return rows


def write_still_patient(folder, seed):
    """A patient who needs no registration, nor the CT, which the registration object stands for."""
    write_patient(folder, folder.name, seed=seed, is_still=True)
    shutil.rmtree(folder / "C")


def fill_manifest(work, cells=None):
    """Write the labels and all keys, as a person would who wants every patient.

    Args:
        work: Folder of the scan.
        cells: What is written into other cells, by patient and column.
    """
    series = read_rows(work / "series.csv")
    rows = read_rows(work / "manifest.csv")
    for at, row in enumerate(rows):
        own = [each for each in series if each["folder"].split("/")[0] == row["patient"]]
        keys = {Path(each["folder"]).name: each["key"] for each in own if each["modality"] == "MR"}
        doses = [each["key"] for each in own if each["verdict"] == "dose"]
        row |= {
            "label": "ab"[at % 2],
            "lesion_roi": "GTV Doe",
            "mri:T1c_post_op": keys["A"],
            "mri:T1c_event": keys["B"],
            "dose": " ".join(doses),
            "structures": next(each["key"] for each in own if each["verdict"] == "structures"),
            "brain": next(each["key"] for each in own if not each["modality"]),
        }
        row.update((cells or {}).get(row["patient"], {}))
    write_rows(work / "manifest.csv", rows)


def state_of(folder):
    """The bytes of each file."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contents_of(folder):
    """The bytes of each file, by its path in the folder."""
    return {path.relative_to(folder): content for path, content in state_of(folder).items()}


def says(printed, text):
    """Whether a table whose cells wrap has all words of a text."""
    words = printed.replace("│", " ").split()
    return all(word in words or f"{word}." in words for word in text.split())


def page_of(raw):
    """The page that shows the cases of a dataset."""
    return (raw / "qc" / "index.html").read_text(encoding="utf-8")


def pictures_of(page):
    """Names of the pictures on the page."""
    return re.findall(r'<img src="(\w+\.png)"', page)
