"""Paths, tables, raw folders, preprocessed cases, checkpoints."""

import dataclasses
import hashlib
import json
import pickle

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import CheckpointError, DatasetError, DocumentError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.store import cases, checkpoints, raw, tables, workspace
from ricenet_v2.store.nnunet_channels import kind_of_name


def test_a_dataset_answers_to_id_name_and_path(tmp_path, monkeypatch):
    folder = tmp_path / "raw" / "Dataset007_Seven"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text("{}")
    for name in ("7", "007", "Seven", "Dataset007_Seven"):
        assert workspace.dataset_paths(name, tmp_path).raw == folder
    assert workspace.dataset_paths(str(folder)).results == tmp_path / "results" / folder.name
    monkeypatch.setenv("ricenet_workspace", str(tmp_path))
    assert workspace.dataset_paths("7").preprocessed == tmp_path / "preprocessed" / folder.name
    with pytest.raises(DatasetError, match="Dataset007_Seven"):
        workspace.dataset_paths("8", tmp_path)


def test_unset_variables_give_the_lines_to_paste():
    with pytest.raises(DatasetError, match="export ricenet_workspace="):
        workspace.roots()


def test_tables_keep_every_digit_and_name_a_bad_row(tmp_path):
    tables.write_rows(tmp_path / "t.csv", [{"a": 1 / 3, "b": "x, y"}])
    (row,) = tables.read_rows(tmp_path / "t.csv")
    assert (float(row["a"]), row["b"]) == (1 / 3, "x, y")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(DatasetError, match="Line 3"):
        tables.read_rows(tmp_path / "t.csv")


def test_raw_tables_come_back(tmp_path):
    dataset = Dataset("D", (Channel("a", "mri"),), ("x", "y"))
    written = (Case("c1", "p1", "x", "train", {"age": "60"}), Case("c2", "p2", "y", "test"))
    raw.write_raw_tables(tmp_path, dataset, written)
    loaded = raw.load_raw_dataset(tmp_path)
    assert loaded.dataset == dataset
    assert [c.covariates for c in loaded.cases] == [{"age": "60"}, {"age": ""}]
    assert [c.case_id for c in loaded.split("test")] == ["c2"]
    assert loaded.images(loaded.cases[1]) == (tmp_path / "imagesTs" / "c2_0000.nii.gz",)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("T1c_event", "mri"), ("t1w-ce", "mri"), ("T1 Gd", "mri"), ("planning CT", "ct")),
        *(("RTDOSE_sum", "dose"), ("tumour.mask", "mask"), ("PET_dose", None), ("event", None)),
        ("", None),
    ],
)
def test_words_of_a_name_mean_a_kind_where_they_agree(name, kind):
    assert kind_of_name(name) == kind


def test_nnunets_channel_names_need_a_known_kind(tmp_path):
    fields = {"channel_names": {"1": "RTDose", "0": "T1"}, "labels": {"b": 1, "a": 0}}
    (tmp_path / "dataset.json").write_text(json.dumps(fields | {"file_ending": ".nii.gz"}))
    dataset = raw.read_dataset(tmp_path / "dataset.json")
    assert [c.kind for c in dataset.channels] == ["mri", "dose"]
    assert dataset.classes == ("a", "b")
    fields["channel_names"] = {"0": "thing"}
    (tmp_path / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises(DatasetError, match="one of mri, ct, pet, dose, mask, other"):
        raw.read_dataset(tmp_path / "dataset.json")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 0), ("float16", 1e-3)])
def test_a_preprocessed_case_comes_back(tmp_path, dtype, tolerance):
    array = np.random.default_rng(0).random((2, 4, 5, 6)).astype(np.float32)
    eye = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
    one = (1.0, 1.0, 1.0)
    record = PreprocessedCase(
        "c", (2, 4, 5, 6), (4, 5, 6), one, one, eye, (0, 0, 0), (4, 5, 6), "r", {}, (), "h"
    )
    cases.write_case(tmp_path, array, record, dtype)
    np.testing.assert_allclose(cases.read_array(tmp_path, "c"), array, atol=tolerance)
    found = cases.read_record(tmp_path, "c")
    digest = hashlib.sha256((tmp_path / "c.b2nd").read_bytes()).hexdigest()
    assert found == dataclasses.replace(record, content_hash=digest)
    (tmp_path / "c.b2nd").write_bytes(b"broken")
    with pytest.raises(DatasetError, match="damaged"):
        cases.read_array(tmp_path, "c")


def test_any_flipped_bit_of_a_case_is_found_and_so_are_exchanged_files(tmp_path):
    voxels = np.random.default_rng(0)
    eye, one = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), (1.0, 1.0, 1.0)
    for name in "ab":
        array = voxels.random((1, 4, 5, 6)).astype(np.float32)
        record = PreprocessedCase(
            name, (1, 4, 5, 6), (4, 5, 6), one, one, eye, (0, 0, 0), (4, 5, 6), "r", {}, (), "h"
        )
        cases.write_case(tmp_path, array, record)
    file, other = tmp_path / "a.b2nd", tmp_path / "b.b2nd"
    whole = file.read_bytes()
    for bit in voxels.integers(0, 8 * len(whole), 1000).tolist():
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        with pytest.raises(DatasetError, match="other bytes than were written"):
            cases.read_array(tmp_path, "a")
    file.write_bytes(other.read_bytes())
    with pytest.raises(DatasetError, match="other bytes than were written"):
        cases.read_array(tmp_path, "a")
    (tmp_path / "b.json").replace(tmp_path / "a.json")
    with pytest.raises(DocumentError, match="to another case"):
        cases.read_array(tmp_path, "a")


def test_checkpoints_hold_tensors_and_refuse_code(tmp_path):
    checkpoints.save(tmp_path / "a.pth", {"w": torch.ones(2), "n": 1, "text": "x"})
    assert checkpoints.load(tmp_path / "a.pth")["w"].sum() == 2
    (tmp_path / "b.pth").write_bytes(pickle.dumps({"f": print}, protocol=2))
    with pytest.raises(CheckpointError):
        checkpoints.load(tmp_path / "b.pth")
    with pytest.raises(CheckpointError, match="no such"):
        checkpoints.load(tmp_path / "none.pth")
