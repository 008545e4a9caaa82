"""Patients who lack images, from DICOM to a raw dataset: what is there of them, and what is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.api.conversion import ConvertOptions, convert_cases
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, MissingChannelError
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.ingest.manifest import EVENT, read_manifest, write_manifest
from ricenet_v2.ingest.missing_images import missing_channels
from ricenet_v2.ingest.proposals import propose, with_candidates
from ricenet_v2.records.manifest import ImageColumn, Manifest, ManifestRow
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.conversions import command, state_of
from tests.ingest.dicom_patient import gy_at, write_patient
from tests.ingest.dicom_writer import INGEST
from tests.ingest.test_proposals import AFTER, BEFORE, DOSE, PLAN

WHOLE, NO_POST_OP, NO_EVENT, DOSE_ALONE = LABELS = (
    "Muster-4711", "Beispiel-0815", "Niemand-1", "Anders-2",
)  # fmt: skip
ALLOW = "--allow_missing_channels"
REAL = INGEST / "dicom2nifti"
GONE = {NO_POST_OP: "A", NO_EVENT: "BDE", DOSE_ALONE: "AB"}
"""Folders of images, by patient: A is post-operative, B the event, D and E dose and plan."""


def _run(*words):
    """Exit code, and all that was printed, in which cells of tables do not wrap."""
    code, said = command(*words)
    return code, " ".join(said.replace("│", " ").split())


def _written(studies):
    """Patients, of whom all but the first lack images; what was taken away lies beside them."""
    truths = {}
    for seed, name in enumerate(LABELS):
        place = studies / name[0]
        truths[name] = write_patient(place, name, seed=seed, is_still=True)
        for folder in GONE.get(name, ""):
            shutil.move(place / folder, studies.parent / f"gone_{name}_{folder}")
    return truths


def _labelled(work):
    series = read_rows(work / "series.csv")
    folders = {row["patient"]: Path(row["folder"]).parts[0] for row in series if row["modality"]}
    masks = {Path(row["folder"]).parts[0]: row["key"] for row in series if not row["modality"]}
    rows = [row for row in read_rows(work / "manifest.csv") if row["patient"] in LABELS]
    for row in rows:
        row["label"] = "recurrence" if row["patient"] == WHOLE else "RICE"
        row["brain"] = masks[folders[row["patient"]]]
    write_rows(work / "manifest.csv", rows)


def _edited(work, patient, **cells):
    rows = read_rows(work / "manifest.csv")
    rows = [row | cells if row["patient"] == patient else row for row in rows]
    write_rows(work / "manifest.csv", rows)


def _case(folder, patient):
    ids = {row["patient"]: row["case_id"] for row in read_rows(folder / "work" / "patients.csv")}
    return ids[patient]


def _numbers(folder, patient):
    """Those of the images of a patient in the dataset."""
    files = (folder / "raw" / "imagesTr").glob(f"{_case(folder, patient)}_*.nii.gz")
    return sorted(path.name.removesuffix(".nii.gz")[-4:] for path in files)


def _provenance(folder, patient):
    path = folder / "raw" / "provenance" / f"{_case(folder, patient)}.json"
    return documents.read(CaseProvenance, path)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The patients converted without and then with the option: folder, truths, what was said."""
    folder = tmp_path_factory.mktemp("lacking")
    truths = _written(folder / "studies")
    assert _run("scan", folder / "studies", "-o", folder / "work")[0] == 0
    _labelled(folder / "work")
    line = ("cases", folder / "work" / "manifest.csv", folder / "raw")
    refused = convert_cases(*line[1:])
    return folder, truths, refused.cohort, _run(*line, ALLOW)


def test_without_the_option_such_patients_are_refused_in_words(cohort):
    folder, _, refused, _ = cohort
    assert refused.done == (_case(folder, WHOLE),)
    faults = {fault.case_id: fault for fault in refused.failed}
    texts = {name: faults[_case(folder, name)].what for name in GONE}
    assert texts == {
        NO_POST_OP: "mri:T1c_post_op is empty.",
        NO_EVENT: "mri:T1c_event is empty.",
        DOSE_ALONE: "mri:T1c_post_op is empty.",
    }
    assert all(ALLOW in fault.remedy for fault in refused.failed)


def test_with_it_each_has_files_of_what_is_there_alone(cohort):
    folder, _, _, (code, said) = cohort
    assert code == 1
    assert "2 cases converted, 1 unchanged, 1 failed" in said
    assert "2 of 3 cases without some image: T1c_post_op in 1, T1c_event in 1, dose in 1." in said
    assert _numbers(folder, WHOLE) == ["0000", "0001", "0002"]
    assert _numbers(folder, NO_POST_OP) == ["0001", "0002"]
    assert _numbers(folder, NO_EVENT) == ["0000"]
    assert _numbers(folder, DOSE_ALONE) == []
    cells = {row["case_id"]: row["channels"] for row in read_rows(folder / "raw" / "cases.csv")}
    assert cells == {
        _case(folder, WHOLE): "all",
        _case(folder, NO_POST_OP): "T1c_event+dose",
        _case(folder, NO_EVENT): "T1c_post_op",
    }
    page = (folder / "raw" / "qc" / "index.html").read_text(encoding="utf-8")
    assert "no image of T1c_event, dose" in page
    assert "Lack images" in page


def test_a_patient_of_whom_a_dose_alone_is_there_is_refused_in_words(cohort):
    folder, *_ = cohort
    options = ConvertOptions(check=True, allow_missing_channels=True)
    result = convert_cases(folder / "work" / "manifest.csv", folder / "raw", options)
    (fault,) = result.cohort.failed
    assert fault.case_id == _case(folder, DOSE_ALONE)
    assert fault.what == "This case has no image that shows the patient."
    assert fault.got == "none of T1c_post_op, T1c_event"


def test_the_dataset_is_one_that_is_planned_with_the_option(cohort):
    raw = load_raw_dataset(cohort[0] / "raw")
    faults = check(raw, 1, allow_missing=True).errors
    assert [f for f in faults if "training" not in str(f)] == []
    assert any("missing" in str(fault) for fault in check(raw, 1).errors)


def test_without_the_first_image_the_next_one_is_the_reference_of_dose_and_masks(cohort):
    folder, truths, *_ = cohort
    case, truth = _provenance(folder, NO_POST_OP), truths[NO_POST_OP]
    assert case.missing == ("T1c_post_op",)
    assert case.channels == ("T1c_event", "dose")
    assert case.warnings[0] == (
        "T1c_post_op is missing, so T1c_event is the reference, in whose coordinates the mask of "
        "brain must lie"
    )
    images = folder / "raw" / "imagesTr" / case.case_id
    event, grid = read_image(f"{images}_0001.nii.gz")
    gy, of_dose = read_image(f"{images}_0002.nii.gz")
    assert of_dose.matches(grid)
    assert grid.shape != truth.grid.shape
    every = grid.positions(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))
    brain = read_image(folder / "raw" / "masksTr" / f"{case.case_id}_brain.nii.gz")[0] > 0
    assert np.abs(gy - gy_at(every))[brain].max() < max(0.5, 0.01 * gy.max())
    assert not event[~brain].any()
    assert len(np.unique(event[brain])) > 100


def test_of_what_is_missing_there_are_no_covariates(cohort):
    folder, *_ = cohort
    case, without_first = _provenance(folder, NO_EVENT), _provenance(folder, NO_POST_OP)
    assert case.missing == ("T1c_event", "dose")
    assert not case.plans
    assert not {"days_since_rt", "days_T1c_event", "fractions"} & set(case.covariates)
    assert "days_T1c_post_op" not in without_first.covariates
    assert without_first.covariates["days_since_rt"] == "503"


@pytest.fixture
def again(cohort, tmp_path):
    """A copy without the patient who is refused, the truths, and what converts again."""
    shutil.copytree(cohort[0], tmp_path / "all")
    folder = tmp_path / "all"
    shutil.rmtree(folder / "studies" / DOSE_ALONE[0])
    (folder / "work" / "studies.txt").write_text(f"{folder / 'studies'}\n")
    rows = read_rows(folder / "work" / "manifest.csv")
    write_rows(folder / "work" / "manifest.csv", [r for r in rows if r["patient"] != DOSE_ALONE])
    return folder, lambda *words: _run(
        "cases", folder / "work" / "manifest.csv", folder / "raw", *words
    )


def test_again_nothing_changes(again):
    folder, run = again
    run(ALLOW)  # the page says no longer that a row failed
    before = state_of(folder / "raw")
    code, said = run(ALLOW)
    assert code == 0, said
    assert "0 cases converted, 3 unchanged, 0 failed" in said
    assert state_of(folder / "raw") == before


def test_an_image_that_has_come_is_asked_for_and_converted(again):
    folder, run = again
    shutil.copytree(folder / f"gone_{NO_POST_OP}_A", folder / "studies" / NO_POST_OP[0] / "A")
    before = state_of(folder / "raw" / "imagesTr")
    options = ConvertOptions(check=True, allow_missing_channels=True)
    result = convert_cases(folder / "work" / "manifest.csv", folder / "raw", options)
    (fault,) = result.cohort.failed
    series = _run("scan", folder / "studies", "-o", folder / "work")
    assert series[0] == 0
    (key,) = [
        row["key"]
        for row in read_rows(folder / "work" / "series.csv")
        if row["patient"] == NO_POST_OP and row["date"] == "20200102" and row["modality"] == "MR"
    ]
    assert fault.got == f"nothing; {key} would do"
    assert "or none if the patient lacks" in fault.remedy
    code, said = run(ALLOW)
    assert code == 1
    assert state_of(folder / "raw" / "imagesTr") == before
    _edited(folder / "work", NO_POST_OP, **{"mri:T1c_post_op": "none"})
    # Its days are counted from a first study that was not known before; the images stay.
    assert "1 case converted, 2 unchanged, 0 failed" in run(ALLOW)[1]
    assert state_of(folder / "raw" / "imagesTr") == before
    _edited(folder / "work", NO_POST_OP, **{"mri:T1c_post_op": key})
    code, said = run(ALLOW)
    assert code == 0
    assert "1 case converted, 2 unchanged, 0 failed" in said
    assert _numbers(folder, NO_POST_OP) == ["0000", "0001", "0002"]
    assert _provenance(folder, NO_POST_OP).missing == ()
    _edited(folder / "work", NO_POST_OP, **{"mri:T1c_post_op": "None"})
    assert run(ALLOW)[0] == 0
    assert _numbers(folder, NO_POST_OP) == ["0001", "0002"]


def test_without_the_option_none_is_refused_and_what_was_converted_stays_listed(again):
    folder, run = again
    _edited(folder / "work", NO_POST_OP, **{"mri:T1c_post_op": "none"})
    before = (folder / "raw" / "cases.csv").read_text()
    code, said = run()
    assert code == 1
    assert "0 cases converted, 1 unchanged, 2 failed" in said
    assert (folder / "raw" / "cases.csv").read_text() == before


MRI, FLAIR, MASK = ImageColumn("mri", "T1c_post_op"), ImageColumn("mri", "FLAIR"), ImageColumn(
    "mask", "tumour"
)  # fmt: skip
ROW = ManifestRow("p", images={MRI.title: "s1", FLAIR.title: "s2", MASK.title: "s3"}, dose=("s4",))


def _missing(row, *, may_lack=True, has_dose=True):
    return missing_channels(row, (MRI, FLAIR, MASK), has_dose=has_dose, may_lack=may_lack)


def _without(*titles, **values):
    return replace(ROW, images={**ROW.images, **dict.fromkeys(titles, "")}, **values)


def test_an_empty_cell_is_a_channel_that_the_case_lacks():
    assert _missing(ROW) == _missing(ROW, may_lack=False) == ()
    assert _missing(_without(MRI.title, dose=())) == ("T1c_post_op", "dose")
    assert _missing(_without(MASK.title, dose=()), has_dose=False) == ("tumour",)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (_without(MRI.title), "mri:T1c_post_op is empty"),
        (_without(dose=()), "no dose, which this dataset has"),
    ],
)
def test_none_may_lack_a_channel_unless_it_is_allowed(row, text):
    with pytest.raises(DatasetError, match=text) as refused:
        _missing(row, may_lack=False)
    assert ALLOW in refused.value.remedy


@pytest.mark.parametrize(
    ("row", "title"),
    [(_without(MRI.title), MRI.title), (_without(dose=()), "dose")],
)
def test_a_cell_for_which_a_series_would_do_is_never_taken_for_missing(row, title):
    name = "dose" if title == "dose" else "T1c_post_op"
    would_do = replace(row, candidates={title: ("s8", "s9")})
    with pytest.raises(DatasetError, match="s8 or s9 would do") as refused:
        _missing(would_do)
    assert "or none if the patient lacks the image" in refused.value.remedy
    assert _missing(replace(would_do, absent=(title,))) == (name,)
    # What stands in another cell of the row is no candidate.
    assert _missing(replace(row, candidates={title: ("s2",)})) == (name,)


def test_a_case_of_which_nothing_shows_the_patient_is_refused():
    with pytest.raises(MissingChannelError, match="no image that shows the patient"):
        _missing(_without(MRI.title, FLAIR.title))


def test_what_would_be_proposed_now_and_what_was_left_open_are_candidates():
    rows = (DOSE, PLAN, BEFORE, AFTER)
    (proposed,) = propose(rows, {})
    emptied = replace(proposed, images=dict.fromkeys(proposed.images, ""), dose=())
    (row,) = with_candidates(rows, [emptied])
    assert [row.would_do(title) for title in (*row.images, "dose")] == [("s1",), ("s2",), ("sd",)]
    twin = replace(BEFORE, key="s9")
    (row,) = with_candidates((*rows, twin), [emptied])
    assert row.would_do("mri:T1c_post_op") == ("s1", "s9")
    (whole,) = with_candidates(rows, [proposed])
    assert not whole.candidates.keys() & {*whole.images, "dose"}


def test_a_patient_who_is_called_otherwise_than_in_the_scan_is_known_by_the_keys():
    rows = (DOSE, PLAN, BEFORE, AFTER)
    (proposed,) = propose(rows, {})
    emptied = replace(proposed, patient="renamed", images={**proposed.images, EVENT.title: ""})
    (row,) = with_candidates(rows, [emptied])
    assert row.would_do(EVENT.title) == ("s2",)


@pytest.mark.parametrize("event_date", ["", "20210101"])
def test_a_patient_of_whom_the_scan_has_nothing_has_no_candidates(event_date):
    """The studies of a row that is there may be gone; a new scan keeps the row as it is."""
    gone = ManifestRow("gone", images={EVENT.title: ""}, event_date=event_date)
    kept, _ = propose((DOSE, PLAN, BEFORE, AFTER), {}, Manifest((EVENT,), (gone,)))
    assert kept == gone
    assert with_candidates((DOSE, PLAN, BEFORE), [gone]) == (gone,)
    assert not kept.candidates


def test_none_is_read_and_written_back(tmp_path):
    row = replace(ROW, images={MRI.title: "", FLAIR.title: "s2"}, dose=(), absent=(MRI.title,))
    path = tmp_path / "manifest.csv"
    write_manifest(path, Manifest((MRI, FLAIR), (row,)))
    assert read_rows(path)[0][MRI.title] == "none"
    (read,) = read_manifest(path).rows
    assert (read.images, read.absent) == (row.images, row.absent)
    write_manifest(path, Manifest((MRI, FLAIR), (replace(row, absent=(MRI.title, "dose")),)))
    (read,) = read_manifest(path).rows
    assert (read.dose, read.absent) == ((), (MRI.title, "dose"))


@pytest.mark.skipif(not REAL.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_scans_of_real_scanners_of_one_time_each_make_a_dataset(tmp_path):
    work, raw = tmp_path / "work", tmp_path / "raw"
    assert _run("scan", REAL, "-o", work)[0] == 0
    volumes = {
        row["patient"]: row["key"]
        for row in read_rows(work / "series.csv")
        if row["verdict"] == "volume"
    }
    titles = ("mri:T1c_post_op", "mri:T1c_event")
    rows = [
        row | {"label": f"class {n % 2}", titles[n % 2]: volumes[row["patient"]]}
        for n, row in enumerate(read_rows(work / "manifest.csv"))
        if row["patient"] in volumes
    ]
    write_rows(work / "manifest.csv", rows)
    options = ConvertOptions(allow_missing_channels=True)
    result = convert_cases(work / "manifest.csv", raw, options)
    assert not result.cohort.failed
    cases = read_rows(raw / "cases.csv")
    assert {row["label"]: row["channels"] for row in cases} == {
        "class 0": "T1c_post_op",
        "class 1": "T1c_event",
    }
    dataset = load_raw_dataset(raw)
    for case in dataset.cases:
        (number,) = dataset.absent(case)
        there = dataset.images(case)[1 - number]
        assert there.is_file()
        assert not dataset.images(case)[number].exists()
        assert np.ptp(read_image(there)[0]) > 0
