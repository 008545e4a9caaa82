"""Writes small folders in the layouts of public cohorts, with tables of the same columns."""

import numpy as np

from ricenet_v2.core.grid import Grid
from ricenet_v2.store.images import write_image
from tests.ingest.dicom_writer import dose_object, save, structures_object, write_series

GRID = Grid((4, 4, 4), (40.0, 40.0, 40.0))
VOXELS = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
RANO = (
    "Rating (according to RANO, PD: Progressive disease, SD: Stable disease, PR: Partial response, "
    "CR: Complete response, Pre-Op: Pre-Operative, Post-Op: Post-Operative)"
)


def image(path, voxels=VOXELS, grid=GRID):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, voxels, grid)


def table(path, columns, rows, separator=","):
    lines = [columns, *rows]
    text = "\r\n".join(separator.join(_quoted(str(c)) for c in line) for line in lines)
    path.write_text(text + "\r\n", encoding="utf-8")


def _quoted(cell):
    return f'"{cell}"' if "," in cell else cell


WORDS = {"PD": "Progressive Disease (PD)", "SD": "Stable Disease (SD)", "": ""}


def cfb_gbm(folder):
    """Patients 1 to 8; the comment says what the rule `confirmed` makes of each."""
    rated = {
        1: ("PD", "PD"),  # confirmed
        2: ("PD", "SD"),  # unconfirmed
        3: ("SD", "PD"),  # no progression at t1
        4: ("PD", ""),  # no later rating
        5: ("", "PD"),  # no rating at t1
        6: ("PD", "PD"),  # without dose in the table
        7: ("PD", "PD"),  # without image of the dose
    }
    table(
        folder / "CFB-GBM_clinical_data_v03_20260619.tsv",
        ("id_patient", "survival (weeks)"),
        [(n, 30) for n in range(1, 9)],  # 8 is not in the table of ratings
        "\t",
    )
    table(
        folder / "CFB-GBM_rano_criteria_v03_20260619.tsv",
        ("id_patient", "rano_t0_to_t1", "rano_t0_to_t2", "rano_t1_to_t2"),
        [(n, WORDS[first], "", WORDS[later]) for n, (first, later) in rated.items()],
        "\t",
    )
    table(
        folder / "CFB-GBM_treatment_data_v02_20260129.tsv",
        ("id_patient", "delay_t0_to_radiotherapy (weeks)", "dose (Gy)", "fractions_number"),
        [(n, 1, *(("", "n/a") if n == 6 else (40.05, 15))) for n in range(1, 9)],
        "\t",
    )
    for n in range(1, 9):
        for time in ("t0", "t1"):
            image(folder / "CFB-GBM" / f"{n:03d}" / time / f"{n}_{time}_t1gd.nii.gz")
        if n != 7:
            image(folder / "CFB-GBM" / f"{n:03d}" / "t0" / f"{n}_t0_rtdose.nii.gz")
    image(folder / "CFB-GBM" / "001" / "t0" / "1_t0_brain_mask.nii.gz")
    image(folder / "CFB-GBM" / "001" / "t0" / "1_t0_gtv.nii.gz")


def lumiere(folder):
    """Patients 1 to 7; the comment says what the rule `confirmed` makes of each."""
    visits = {
        # Sorted by week alone, the image before the operation would come last before the event.
        1: (("000", "Post-Op "), ("000-1", "Pre-Op"), ("020", "SD"), ("030", "PD"), ("040", "PD")),
        2: (("000", "Pre-Op"), ("001", "Post-Op"), ("012", "PD"), ("013", ""), ("024", "PR")),
        3: (("000", "Post-Op"), ("012", "SD")),  # no progression
        4: (("000", "Post-Op"), ("012", "PD"), ("014", "Post-Op/PD"), ("020", "PD")),  # operation
        5: (("012", "PD"), ("020", "PD")),  # no post-operative image
        6: (("000", "Post-Op"), ("012", "PD"), ("020", "SD")),  # image missing
        7: (("000", "Post-Op"), ("004", "None")),  # no rating
    }
    table(
        folder / "LUMIERE-ExpertRating-v202211.csv",
        ("Patient", "Date", "LessThan3Months", "NonMeasurableLesions", RANO, "Rating rationale"),
        [
            (f"Patient-{n:03d}", f"week-{week}", "", "", rating, "")
            for n, each in visits.items()
            for week, rating in each
        ],
    )
    for n, each in visits.items():
        for week, _ in each:
            if (n, week) != (6, "012"):
                image(folder / "Imaging" / f"Patient-{n:03d}" / f"week-{week}" / "CT1.nii.gz")


def ucsd_ptgbm(folder):
    """Sessions 0001_01, 0001_02 and so on."""
    sessions = [f"UCSD-PTGBM-{name}" for name in ("0001_01", "0001_02", "0002_01", "0003_01")]
    table(
        folder / "UCSD_PTGBM-clinical-information_v3.csv",
        ("ID", "Patient's Age"),
        [(session, 50) for session in (*sessions, "UCSD-PTGBM-0004_01", "total")],
    )
    negative = [(sessions[1], "Radiation necrosis"), (sessions[3], "NS")]
    table(folder / "UCSD-PTGBM_negative_cases.csv", ("ID", "Dx"), negative)
    for session in sessions:
        image(folder / "UCSD-PTGBM" / session / f"{session}_T1post.nii.gz")


def burdenko(folder):
    """Patients 1 to 6 of whom 1 and 2 have files: an MR before radiotherapy and two after it."""
    rows = [
        (1, "stable", "2015-06-01", "pseudo progression", "2015-09-01"),
        (2, "progression", "01.06.2015", "", ""),
        (3, "response", "2015-06-01", "stable", "2015-09-01"),  # no event
        (4, "progression", "2015-06-01", "", ""),  # no files
        (5, "progression", "06/01/2015", "", ""),  # June 1st, or January 6th?
        (6, "regrowth?", "2015-06-01", "progression", "2015-09-01"),
    ]
    table(
        folder / "Burdenko GBM clinical data.csv",
        ("AnonymPatientID", "Response_1st_fup", "Anonym1st_fup", "Response_2nd_fup",
         "Anonym2nd_fup"),
        [(f"Burdenko-GBM-{n:03d}", *cells) for n, *cells in rows],
    )  # fmt: skip
    days = {"20150301": "A", "20150603": "B", "20150830": "C"}
    for n in (1, 2):
        patient = f"Burdenko-GBM-{n:03d}"
        for at, (day, name) in enumerate(days.items()):
            if (n, day) != (2, "20150603"):
                mr_series(folder / "files" / patient / name, patient, f"1.2.{n}.{at}", day)
        dose(folder / "files" / patient / "D", patient, f"1.2.{n}.9", "20150305")


def mr_series(folder, patient, uid, day):
    voxels = np.ones((4, 5, 6), np.uint16)
    write_series(folder, voxels, PatientID=patient, SeriesInstanceUID=uid, StudyDate=day,
                 SeriesDescription="t1 km", ContrastBolusAgent="agent")  # fmt: skip


def dose(file, patient, uid, day, gy=30.0):
    data = dose_object(np.full((3, 4, 5), gy), plan=f"{uid}.1")
    data.PatientID, data.SeriesInstanceUID, data.StudyDate = patient, uid, day
    save(data, file)


def brain_tr_gammaknife(folder):
    """Courses of patients 103, 200, 300 and 400; 300 has another number of days of doses."""
    table(
        folder / "lesion_level.csv",
        ("unique_pt_id", "Treatment Course", "Lesion Location", "mri_type", "Fractions"),
        [
            (103, 1, "left frontal", "stable", 1),
            (103, 2, "a", "stable", 3),
            (103, 2, "b", "recurrence", 3),
            (200, 1, "c", "unknown", 1),
            (300, 1, "d", "stable", 1),
            (400, 1, "e", "stable", 1),  # no files
        ],
    )
    for patient, days in (("103", ("20150101", "20160101")), ("200", ("20150101",)),
                          ("300", ("20150101", "20150202"))):  # fmt: skip
        for at, day in enumerate(days):
            place, uid = folder / "files" / f"GK_{patient}" / day, f"1.3.{patient}.{at}"
            mr_series(place / "mr", f"GK_{patient}", f"{uid}.1", day)
            dose(place / "dose", f"GK_{patient}", f"{uid}.2", day)
            names = {"Skull": [], "Lt Front": []} if day == "20150101" else {"a": [], "b": []}
            data = structures_object(names)
            data.PatientID, data.SeriesInstanceUID = f"GK_{patient}", f"{uid}.3"
            data.StudyDate = day
            save(data, place / "structures")


LAYOUTS = {
    "cfb-gbm": cfb_gbm,
    "lumiere": lumiere,
    "ucsd-ptgbm": ucsd_ptgbm,
    "burdenko": burdenko,
    "brain-tr-gammaknife": brain_tr_gammaknife,
}
