"""Folders of datasets: links, archives that were unpacked one level too deep, umlauts."""

import unicodedata

import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.workspace import dataset_paths


@pytest.fixture
def raw(tmp_path, monkeypatch):
    for name in ("workspace", "raw", "preprocessed", "results"):
        monkeypatch.delenv(f"ricenet_{name}", raising=False)
    folder = tmp_path / "raw" / "Dataset005_X"
    write_raw_tables(
        folder, Dataset("X", (Channel("a", "mri"),), ("Ödem", "y")), [Case("Müller", "p", "Ödem")]
    )
    return folder


def test_a_link_to_a_dataset_keeps_its_name(raw, tmp_path):
    raw.rename(tmp_path / "elsewhere")
    raw.symlink_to(tmp_path / "elsewhere")
    paths = dataset_paths(str(raw))
    assert (paths.name, paths.raw) == ("Dataset005_X", raw)
    assert paths.results == tmp_path / "results" / "Dataset005_X"


def test_a_workspace_whose_raw_folder_is_a_link(raw, tmp_path):
    raw.parent.rename(tmp_path / "disk2")
    raw.parent.symlink_to(tmp_path / "disk2")
    assert dataset_paths(str(raw)).preprocessed == tmp_path / "preprocessed" / "Dataset005_X"


def test_a_path_with_dots_is_that_of_the_system(raw, monkeypatch):
    (raw / "imagesTr").mkdir()
    monkeypatch.chdir(raw / "imagesTr")
    assert dataset_paths("..").raw == raw.resolve()
    monkeypatch.chdir(raw)
    assert dataset_paths(".").name == "Dataset005_X"


def test_a_dataset_one_level_too_deep(raw, tmp_path):
    outer = tmp_path / "raw" / "outer"
    raw.rename(tmp_path / "inner")
    outer.mkdir()
    (tmp_path / "inner").rename(outer / "Dataset005_X")
    with pytest.raises(DatasetError) as caught:
        dataset_paths(str(outer))
    assert f"Name {outer / 'Dataset005_X'}" in str(caught.value)
    with pytest.raises(DatasetError, match="Move what is in Dataset005_X one folder up"):
        load_raw_dataset(outer)


def test_a_folder_without_a_dataset(tmp_path, raw):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"holds no dataset\.json"):
        dataset_paths(str(tmp_path / "empty"))
    with pytest.raises(DatasetError, match=r"Datasets in .*Dataset005_X"):
        dataset_paths("empty", tmp_path)
    with pytest.raises(DatasetError, match="no such dataset"):
        dataset_paths(str(tmp_path / ("x" * 300)), tmp_path)


@pytest.mark.parametrize(("of_table", "of_disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_names_are_the_same_in_each_normal_form(raw, of_table, of_disk):
    table = raw / "cases.csv"
    text = unicodedata.normalize(of_table, table.read_text(encoding="utf-8"))
    table.write_text(text, encoding="utf-8")
    image, mask = (
        raw / folder / unicodedata.normalize(of_disk, name)
        for folder, name in (
            ("imagesTr", "Müller_0000.nii.gz"),
            ("masksTr", "Müller_brain.nii.gz"),
        )
    )
    for path in (image, mask):
        path.parent.mkdir()
        path.touch()
    made = load_raw_dataset(raw)
    (case,) = made.cases
    assert case.label == "Ödem"
    assert case.case_id == unicodedata.normalize(of_table, "Müller")
    assert made.images(case)[0].is_file()
    assert made.mask(case, "brain") is not None
    assert made.mask(case, "lesion") is None
