"""Features of the cases of a dataset: what is computed, what is kept, what is refused."""

import shutil
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy import ndimage

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, OptionError, PluginError
from ricenet_v2.evaluation.radiomics import ibsi
from ricenet_v2.evaluation.radiomics.cases import columns_of, radiomics_of
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.radiomics import CaseRadiomics
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset


class Table:
    """The part of a data frame that is used."""

    def __init__(self, row):
        self.row = row

    def to_dict(self, orient):
        assert orient == "records"
        return [self.row]


@pytest.fixture
def calls(monkeypatch):
    """MIRP that gives sizes and means, with the names of columns that version 2.7.0 has."""
    seen = []

    def extract_features(image, mask, base_feature_families, **options):
        assert image.shape == mask.shape
        assert options["ibsi_compliant"]
        seen.append((base_feature_families, image, mask))
        inside = image[mask > 0]
        row = {f"{name}_d1_3d_avg_fbn_n32": float(inside.std()) for name in ibsi.TEXTURE}
        row |= dict.fromkeys(ibsi.SHAPE, float(mask.sum()))
        row |= dict.fromkeys(ibsi.FIRST_ORDER, float(inside.mean())) | {"stat_cov": float("inf")}
        return [Table(row)]

    module = ModuleType("mirp")
    module.extract_features = extract_features
    module.__spec__ = sys.__spec__
    monkeypatch.setitem(sys.modules, "mirp", module)
    return seen


@pytest.fixture
def folder(raw_cohort, tmp_path):
    """A copy of the dataset."""
    return shutil.copytree(raw_cohort / "raw" / NAME, tmp_path / NAME)


def of(folder, kept, n=1):
    raw = load_raw_dataset(folder)
    cases = sorted(raw.cases, key=lambda case: case.case_id)[:n]
    return radiomics_of(raw, cases, kept), raw, cases


def test_the_lesion_has_all_families_and_isodose_bands_first_order(folder, tmp_path, calls):
    (row,), raw, (case,) = of(folder, tmp_path / "kept")
    assert list(row) == list(columns_of(raw.dataset.channels))
    lesion, grid = read_image(raw.mask(case, "lesion"))
    volume = float((lesion > 0.5).sum() * np.prod(grid.spacing))
    assert row["lesion morph_volume"] == pytest.approx(volume, rel=0.25)  # voxels of 1 mm
    images = [
        channel.name for channel in raw.dataset.channels if channel.kind not in ("dose", "mask")
    ]
    assert {name for name in row if "morph" in name} == {f"lesion {name}" for name in ibsi.SHAPE}
    for image in images:
        assert f"{image} lesion ngt_strength" in row
        assert f"{image} dose above 95 % stat_mean" in row
        assert f"{image} dose above 95 % cm_contrast" not in row
        # In standard deviations of the patient, whatever the scanner's scale is.
        assert abs(row[f"{image} lesion stat_mean"]) < 10
        assert np.isnan(row[f"{image} lesion stat_cov"])
    bands = [mask for families, _, mask in calls if families == ["statistics"]]
    assert len(bands) == len(images) * 4
    assert not (bands[1] & bands[2]).any()


def test_the_scale_of_an_mri_does_not_matter(folder, tmp_path, calls):
    (before,), raw, (case,) = of(folder, tmp_path / "kept")
    path = raw.images(case)[0]
    voxels, grid = read_image(path)
    write_image(path, voxels * 7, grid)
    (after,), _, _ = of(folder, tmp_path / "other")
    np.testing.assert_allclose(list(after.values()), list(before.values()), rtol=1e-4)


def test_what_is_kept_is_computed_once_and_again_when_a_file_changes(folder, tmp_path, calls):
    kept = tmp_path / "kept"
    (first,), raw, (case,) = of(folder, kept)
    file = kept / f"{case.case_id}.radiomics.json"
    stored = documents.read(CaseRadiomics, file)
    assert stored.values["T1c_event lesion stat_cov"] is None
    n_calls = len(calls)
    (again,), _, _ = of(folder, kept)
    assert len(calls) == n_calls
    np.testing.assert_array_equal(list(again.values()), list(first.values()))
    lesion = raw.mask(case, "lesion")
    mask, grid = read_image(lesion)
    write_image(lesion, ndimage.binary_dilation(mask > 0), grid)
    (larger,), _, _ = of(folder, kept)
    assert larger["lesion morph_volume"] > first["lesion morph_volume"]
    file.write_text("{}", encoding="utf-8")
    (mended,), _, _ = of(folder, kept)
    np.testing.assert_array_equal(list(mended.values()), list(larger.values()))


def test_cases_without_a_lesion_mask_are_named_together(folder, tmp_path, calls):
    raw = load_raw_dataset(folder)
    cases = sorted(raw.cases, key=lambda case: case.case_id)[:3]
    for case in cases[1:]:
        raw.mask(case, "lesion").unlink()
    with pytest.raises(DatasetError) as caught:
        radiomics_of(raw, cases, tmp_path / "kept")
    text = str(caught.value)
    assert "2 of 3 cases have no lesion mask" in text
    assert f"{cases[1].case_id}, {cases[2].case_id}" in text
    assert f"{cases[1].case_id}_lesion.nii.gz" in text
    assert calls == []


def test_an_empty_lesion_mask_is_the_error_of_its_case(folder, tmp_path, calls):
    raw = load_raw_dataset(folder)
    cases = sorted(raw.cases, key=lambda case: case.case_id)[:2]
    path = raw.mask(cases[0], "lesion")
    mask, grid = read_image(path)
    write_image(path, np.zeros_like(mask), grid)
    with pytest.raises(DatasetError, match="The lesion mask is empty") as caught:
        radiomics_of(raw, cases, tmp_path / "kept")
    assert caught.value.case == cases[0].case_id
    assert str(path) in str(caught.value)
    # The other case is done.
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [
        f"{cases[1].case_id}.radiomics.json"
    ]


def test_a_mask_on_another_grid_is_refused(folder, tmp_path, calls):
    raw = load_raw_dataset(folder)
    case = min(raw.cases, key=lambda case: case.case_id)
    path = raw.mask(case, "lesion")
    mask, grid = read_image(path)
    write_image(path, mask[1:], grid.crop((1, 0, 0), mask.shape))
    with pytest.raises(DatasetError, match="not on the grid of the images"):
        radiomics_of(raw, [case], tmp_path / "kept")


def test_a_version_that_lacks_a_feature_is_named(calls, monkeypatch):
    monkeypatch.setattr(sys.modules["mirp"], "extract_features", lambda **_: [Table({})])
    with pytest.raises(PluginError, match="does not give the feature morph_volume"):
        ibsi.shape_of(np.ones((2, 2, 2), dtype=bool))


def test_without_the_package_the_command_that_installs_it_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install '\.\[radiomics\]'"):
        of(folder, tmp_path / "kept")


def test_channels_without_intensities_have_no_features_and_without_a_dose_no_bands():
    channels = (Channel("T1c", "mri"), Channel("tumour", "mask", mask="lesion"))
    assert columns_of(channels) == (
        *(f"lesion {name}" for name in ibsi.SHAPE),
        *(f"T1c lesion {name}" for name in (*ibsi.FIRST_ORDER, *ibsi.TEXTURE)),
    )
