"""The cohort as a folder."""

import json
from collections import Counter

import numpy as np
import pytest

from ricenet_v2.api.lesions import split_lesions
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.phantom.cohort import (
    CLASSES,
    NAME,
    NO_LESION,
    TRUTH_CSV,
    simulate,
    write_cohort,
)
from ricenet_v2.phantom.patient import BY_DOSE_ALONE, DOSE_MIDDLE, SPREAD
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows

TINY = {"cases": 6, "test_cases": 2, "shape": (16, 20, 18), "spacing": (11.0, 10.0, 9.0)}


def _hashes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in files}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort") / NAME, seed=4, **TINY)


def test_the_seed_decides_everything(cohort, tmp_path):
    again = write_cohort(tmp_path / NAME, seed=4, **TINY)
    assert _hashes(again) == _hashes(cohort)
    other = write_cohort(tmp_path / "other" / NAME, seed=5, **TINY)
    same = [name for name, value in _hashes(other).items() if _hashes(cohort)[name] == value]
    assert not [name for name in same if name.startswith("images")]


def test_the_house_finds_no_fault_in_it(cohort):
    raw = load_raw_dataset(cohort)
    assert not check(raw).errors
    assert Counter(case.split for case in raw.cases) == {"train": 6, "test": 2}
    assert all({"fractions", "prescription_gy", "age", "sex"} <= {*c.covariates} for c in raw.cases)
    for case in raw.cases:
        voxels, grid = zip(*(read_image(path) for path in raw.images(case)), strict=True)
        assert len(set(grid)) == 1
        assert (grid[0].shape, grid[0].spacing) == (TINY["shape"], TINY["spacing"])
        assert voxels[2].max() == pytest.approx(float(case.covariates["prescription_gy"]), rel=0.1)
        for name in ("brain", "lesion"):
            assert set(np.unique(read_image(raw.mask(case, name))[0])) == {0, 1}


def test_the_truth_is_that_of_the_images(cohort):
    raw = load_raw_dataset(cohort)
    truth = {row["case_id"]: row for row in read_rows(cohort / TRUTH_CSV)}
    for case in raw.cases:
        dose, lesion = read_image(raw.images(case)[2])[0], read_image(raw.mask(case, "lesion"))[0]
        # A small lesion may fill no voxel of so coarse a grid by more than half.
        where = lesion > 0 if lesion.any() else read_image(raw.mask(case, "brain"))[0] > 0
        relative = dose[where].mean() / float(case.covariates["prescription_gy"])
        assert float(truth[case.case_id]["relative_dose"]) == pytest.approx(relative, rel=1e-4)
        assert truth[case.case_id]["label"] == case.label


def test_patients_without_a_lesion_are_a_class_of_their_own(tmp_path):
    how = {"label_model": BY_DOSE_ALONE, "anatomy": SPREAD}
    folder = write_cohort(tmp_path / NAME, seed=4, **TINY | {"cases": 24}, **how)
    raw = load_raw_dataset(folder)
    assert raw.dataset.classes == (*CLASSES, NO_LESION)
    assert raw.dataset.positive_class == "recurrence"
    assert {case.label for case in raw.cases} == {*raw.dataset.classes}
    truth = {row["case_id"]: row for row in read_rows(folder / TRUTH_CSV)}
    for case in raw.cases:
        lesion = read_image(raw.mask(case, "lesion"))[0]
        assert lesion.any() == (case.label != NO_LESION)
        dose = truth[case.case_id]["relative_dose"]
        assert (dose == "") == (case.label == NO_LESION)
        if dose and abs(float(dose) - DOSE_MIDDLE) > 0.1:  # 6 in the log odds
            assert (case.label == "recurrence") == (float(dose) < DOSE_MIDDLE)


def test_an_existing_cohort_is_kept_and_another_refused(tmp_path):
    folder = write_cohort(tmp_path / "raw" / NAME, seed=4, **TINY)
    image = folder / "imagesTr" / "PH0001_0000.nii.gz"
    before = image.stat().st_mtime_ns
    write_cohort(folder, seed=4, **TINY)
    assert image.stat().st_mtime_ns == before
    with pytest.raises(DatasetError, match="delete this one"):
        write_cohort(folder, seed=5, **TINY)
    assert "seed 4" in json.loads((folder / "dataset.json").read_text())["description"]
    split_lesions(folder, mask_channel=True)
    table = (folder / "cases.csv").read_bytes()
    assert write_cohort(folder, seed=4, **TINY) == folder
    assert (folder / "cases.csv").read_bytes() == table
    described = json.loads((folder / "dataset.json").read_text())
    described["channels"][0]["name"] = "T1"
    (folder / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(DatasetError, match="delete this one") as caught:
        write_cohort(folder, seed=4, **TINY)
    assert "name='T1'" in caught.value.got
    assert "name='T1c_post_op'" in caught.value.expected
    assert "seed 4" not in caught.value.got


def test_a_cohort_has_the_name_of_its_folder_and_may_be_renamed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_cohort("Dataset007_Demo", **TINY)
    assert load_raw_dataset(folder).dataset.name == "Dataset007_Demo"
    renamed = folder.rename("Dataset008_Other")
    assert write_cohort(renamed, **TINY) == renamed
    assert load_raw_dataset(renamed).dataset.name == "Dataset007_Demo"


def test_a_patient_does_not_depend_on_the_others():
    grid = Grid(TINY["shape"], TINY["spacing"])
    one, two = simulate("PH0003", 4, grid), simulate("PH0003", 4, grid)
    assert one[0] == two[0]
    assert one[0] != simulate("PH0004", 4, grid)[0]
