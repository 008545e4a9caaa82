"""Public cohorts: the labels of each by its tables, and the way to a raw dataset."""

from collections import Counter

import numpy as np
import pytest

from ricenet_v2.api.cohorts import cohort_manifest
from ricenet_v2.api.conversion import convert_cases
from ricenet_v2.ingest.cohorts import brain_tr_gammaknife, burdenko, cfb_gbm, rano, ucsd_ptgbm
from ricenet_v2.ingest.cohorts.record import ON_IMAGES
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.phantom.cohort import simulate
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset
from tests.ingest.cohort_layouts import LAYOUTS, image
from tests.ingest.dicom_patient import SHAPE, SPACING, _grid
from tests.ingest.dicom_writer import SHARED

METADATA = SHARED / "cfb-gbm-metadata"


def _draft(tmp_path, name, rule=""):
    LAYOUTS[name](tmp_path)
    return cohort_manifest(name, tmp_path, tmp_path / "work", rule=rule)


def _labels(draft):
    return {f"{row.patient} {row.case}": row.label for row in draft.manifest.rows}


def _excluded(draft):
    return {each.name: each.rule for each in draft.excluded}


def test_cfb_gbm(tmp_path):
    draft = _draft(tmp_path, "cfb-gbm")
    assert _labels(draft) == {
        "CFB-GBM-001 1": "confirmed_progression",
        "CFB-GBM-002 1": "unconfirmed_progression",
    }
    assert _excluded(draft) == {
        "3": rano.NO_EVENT,
        "4": rano.NO_LATER,
        "5": rano.NO_RATING,
        "6": cfb_gbm.NO_TREATMENT,
        "7": ON_IMAGES,
        "8": rano.NO_RATING,
    }
    row = draft.manifest.rows[0]
    names = {key: path.name for key, path in draft.scan.images.items()}
    assert [names[key] for key in row.images.values()] == ["1_t0_t1gd.nii.gz", "1_t1_t1gd.nii.gz"]
    assert [names[key] for key in (*row.dose, row.brain, row.structures)] == [
        "1_t0_rtdose.nii.gz", "1_t0_brain_mask.nii.gz", "1_t0_gtv.nii.gz",
    ]  # fmt: skip
    assert (row.dose_unit, row.fractions, row.prescription_gy) == (("Gy",), (15,), (40.05,))
    response = cohort_manifest("cfb-gbm", tmp_path, tmp_path / "work2", rule="response")
    assert _labels(response) == {
        "CFB-GBM-001 1": "progression",
        "CFB-GBM-002 1": "progression",
        "CFB-GBM-003 1": "no_progression",
        "CFB-GBM-004 1": "progression",
    }


@pytest.fixture(scope="module")
def whole_cohort(tmp_path_factory):
    """Images and doses of all numbers of patients."""
    folder = tmp_path_factory.mktemp("whole")
    image(folder / "one.nii.gz")
    whole = (folder / "one.nii.gz").read_bytes()
    for n in range(1, 266):
        for time, kind in (("t0", "t1gd"), ("t0", "rtdose"), ("t1", "t1gd")):
            path = folder / f"{n:03d}" / time / f"{n}_{time}_{kind}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole)
    return folder


@pytest.mark.skipif(not METADATA.is_dir(), reason="set RICENET_SHARED_DATA to the metadata")
@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ("confirmed", {"confirmed_progression": 4, "unconfirmed_progression": 15}),
        ("response", {"progression": 32, "no_progression": 106}),
    ],
)
def test_the_tables_of_cfb_gbm_as_published(whole_cohort, tmp_path, rule, labels):
    """Counted beside this with the csv module alone: RANO by patient with dose in the table."""
    draft = cohort_manifest("cfb-gbm", whole_cohort, tmp_path / "work", tables=METADATA, rule=rule)
    assert Counter(row.label for row in draft.manifest.rows) == labels
    assert draft.flow[0].number == 264
    assert draft.tables["patients"].startswith("CFB-GBM_clinical_data_v03")


def test_lumiere(tmp_path):
    draft = _draft(tmp_path, "lumiere")
    assert _labels(draft) == {
        "Patient-001 1": "confirmed_progression",
        "Patient-002 1": "unconfirmed_progression",
    }
    assert _excluded(draft) == {
        "Patient-003": rano.NO_EVENT,
        "Patient-004": rano.NO_LATER,
        "Patient-005": "no image is rated as post-operative before the rating",
        "Patient-006": ON_IMAGES,
        "Patient-007": rano.NO_RATING,
    }
    first = draft.manifest.rows[0]
    weeks = {key: path.parent.name for key, path in draft.scan.images.items()}
    assert [weeks[key] for key in first.images.values()] == ["week-000", "week-030"]
    assert first.covariates == {"weeks_to_event": "30"}
    response = cohort_manifest("lumiere", tmp_path, tmp_path / "work2", rule="response")
    assert _labels(response) == {
        "Patient-001 1": "no_progression",
        "Patient-002 1": "progression",
        "Patient-003 1": "no_progression",
        "Patient-004 1": "progression",
    }


def test_ucsd_ptgbm(tmp_path):
    draft = _draft(tmp_path, "ucsd-ptgbm")
    assert _labels(draft) == {
        "UCSD-PTGBM-0001 01": "tumour",
        "UCSD-PTGBM-0001 02": "treatment_effect",
        "UCSD-PTGBM-0002 01": "tumour",
    }
    assert _excluded(draft) == {
        "UCSD-PTGBM-0003_01": ucsd_ptgbm.NOT_SPECIFIC,
        "UCSD-PTGBM-0004_01": ON_IMAGES,
        "total": ucsd_ptgbm.NO_SESSION,
    }


def test_burdenko(tmp_path):
    draft = _draft(tmp_path, "burdenko")
    assert _labels(draft) == {
        "Burdenko-GBM-001 1": "pseudoprogression",
        "Burdenko-GBM-002 1": "progression",
    }
    assert _excluded(draft) == {
        "Burdenko-GBM-003": burdenko.NO_EVENT,
        "Burdenko-GBM-004": burdenko.NO_FILES,
        "Burdenko-GBM-005": burdenko.NO_DATE,
        "Burdenko-GBM-006": burdenko.UNKNOWN,
    }
    dates = {row.key: row.date for row in draft.scan.rows}
    first, second = draft.manifest.rows
    assert [dates[key] for key in first.images.values()] == ["20150301", "20150830"]
    # The image nearest to the follow-up of June 1st is of August 30th.
    assert second.images[EVENT.title] == ""
    assert "within 14 days" in second.reason
    assert draft.flow[-1].step == "cell left open"


def test_brain_tr_gammaknife(tmp_path):
    draft = _draft(tmp_path, "brain-tr-gammaknife")
    assert _labels(draft) == {"GK_103 1": "stable", "GK_103 2": "recurrence"}
    assert _excluded(draft) == {
        "GK_200 course 1": brain_tr_gammaknife.NO_LABEL,
        "GK_300 course 1": brain_tr_gammaknife.OTHER_NUMBER,
        "GK_400 course 1": brain_tr_gammaknife.NO_FILES,
    }
    first, second = draft.manifest.rows
    assert (first.factor, first.fractions, second.factor, second.fractions) == (
        ("1",), (1,), (), (3,),
    )  # fmt: skip
    assert first.lesion_roi == "Lt Front"
    assert second.lesion_roi == ""
    dates = {row.key: row.date for row in draft.scan.rows}
    assert [dates[key] for key in (*second.images.values(), *second.dose)] == ["20160101"] * 2


@pytest.mark.parametrize(
    ("cell", "rating"),
    [("Progressive Disease (PD)", "PD"), ("PD", "PD"), (" sd ", "SD"), ("Post-Op", ""), ("", "")],
)
def test_ratings_are_read_by_their_codes(cell, rating):
    assert rano.rating_of(cell) == rating


@pytest.mark.usefixtures("no_case_pictures", "small_work")
def test_cases_of_cfb_gbm_are_converted(tmp_path):
    """The way to a raw dataset: the dose stays where it is, in Gy, and so does the lesion."""
    (tmp_path / "cfb").mkdir()
    LAYOUTS["cfb-gbm"](tmp_path / "cfb")
    grid = _grid(SHAPE, (SPACING,) * 3)
    random = np.random.default_rng(0)
    truth = {}
    for n in (1, 2):
        _, images, _, _ = simulate(f"p{n}", 0, grid)
        folds = np.where(images.brain, np.clip(1 + random.normal(size=SHAPE) / 3, 0.1, 2), 1)
        # 15 fractions of 40.05 Gy, of which the maximum is a little more.
        gy = (41 * images.dose / images.dose.max()).astype(np.float32)
        truth[n] = (gy, images.brain, images.lesion)
        voxels = {"t0/t1gd": images.post_op * folds, "t1/t1gd": images.event * folds}
        voxels |= {"t0/rtdose": gy, "t0/brain_mask": images.brain, "t0/gtv": images.lesion}
        for place, each in voxels.items():
            time, kind = place.split("/")
            path = tmp_path / "cfb" / "CFB-GBM" / f"{n:03d}" / time / f"{n}_{time}_{kind}.nii.gz"
            image(path, np.asarray(each, np.float32), grid)
    cohort_manifest("cfb-gbm", tmp_path / "cfb", tmp_path / "work")
    result = convert_cases(tmp_path / "work" / "manifest.csv", tmp_path / "Dataset030_CFB")
    assert not result.cohort.failed
    raw = load_raw_dataset(tmp_path / "Dataset030_CFB")
    assert [channel.name for channel in raw.dataset.channels] == [
        POST_OP.channel, EVENT.channel, "dose",
    ]  # fmt: skip
    for case, provenance in zip(raw.cases, sorted(result.cohort.cases, key=lambda c: c.case_id),
                                strict=True):  # fmt: skip
        n = 1 if case.label == "confirmed_progression" else 2
        gy, brain, lesion = truth[n]
        folder = tmp_path / "Dataset030_CFB"
        stored, _ = read_image(folder / "imagesTr" / f"{case.case_id}_0002.nii.gz")
        assert np.abs(stored - gy).max() < 1e-3
        mask, _ = read_image(folder / "masksTr" / f"{case.case_id}_lesion.nii.gz")
        assert np.array_equal(mask > 0, lesion)
        assert case.covariates["prescription_gy"] == "40.05"
        assert provenance.registered[-1].method == "same grid"
        post_op, _ = read_image(folder / "imagesTr" / f"{case.case_id}_0000.nii.gz")
        assert not post_op[~brain].any()
