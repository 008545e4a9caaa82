"""Properties that tell classes apart: found where they do, and not where chance does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.checks_confounders import CONFOUNDED
from ricenet_v2.fingerprinting.checks_mask_files import check_mask_files
from ricenet_v2.fingerprinting.confounders import _columns, _holm, _p_value, _permuted, confounders
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables

if TYPE_CHECKING:
    from conftest import Planted

NAMES = [f"c{n:02d}" for n in range(24)]
LABELS = {name: "ab"[n % 2] for n, name in enumerate(NAMES)}
ITSELF = dict(zip(NAMES, NAMES, strict=True))


def test_a_rank_test_is_that_of_kruskal_and_wallis():
    random = np.random.default_rng(1)
    index = np.arange(60) % 3
    values = (random.normal(size=60) + 0.35 * index).tolist()
    p = _p_value(_columns(values), _permuted(index), 3)
    expected = stats.kruskal(*(np.array(values)[index == k] for k in range(3))).pvalue
    assert p == pytest.approx(expected, abs=0.02)


def test_a_test_of_words_is_that_of_fisher():
    words = ["x"] * 9 + ["y"] * 3 + ["x"] * 4 + ["y"] * 8
    index = np.array([0] * 12 + [1] * 12)
    p = _p_value(_columns(words), _permuted(index), 2)
    assert p == pytest.approx(stats.fisher_exact([[9, 3], [4, 8]]).pvalue, abs=0.02)


def test_values_are_adjusted_by_holm():
    adjusted = _holm({"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.9})
    assert adjusted == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.9})


def test_what_only_one_class_has_is_named_and_what_is_chance_is_not():
    random = np.random.default_rng(0)
    traits = {
        "region": {n: "brain mask" if LABELS[n] == "a" else "whole image" for n in NAMES},
        **{
            f"noise {k}": dict(zip(NAMES, random.normal(size=24).tolist(), strict=True))
            for k in range(9)
        },
        "same": dict.fromkeys(NAMES, 1.0),
    }
    (only,) = confounders(traits, LABELS, ITSELF)
    assert (only.name, only.n_tested) == ("region", 10)
    assert "brain mask in 12 of 12 a, whole image in 12 of 12 b" in only.text


def test_chance_is_named_no_more_often_than_it_says():
    """Five properties a dataset, 60 datasets: 5 % of them at most, within four deviations."""
    random = np.random.default_rng(3)
    named = 0
    for _ in range(60):
        traits = {
            f"t{k}": dict(zip(NAMES, random.normal(size=24).tolist(), strict=True))
            for k in range(5)
        }
        named += bool(confounders(traits, LABELS, ITSELF))
    assert named / 60 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)


def test_cases_of_a_patient_count_once():
    patients = {name: f"p{n % 6}" for n, name in enumerate(NAMES)}  # three of each class
    traits = {"region": {n: "x" if LABELS[n] == "a" else "y" for n in NAMES}}
    assert confounders(traits, LABELS, patients) == ()


def test_masks_of_one_class_are_an_alarm_in_the_check(tmp_path):
    """Noise whose mask depends on the class, of which a network learns the mask."""
    folder = tmp_path / "Dataset001_Noise"
    cases = [Case(name, name, LABELS[name]) for name in NAMES]
    write_raw_tables(folder, Dataset(folder.name, (Channel("T1", "mri"),), ("a", "b")), cases)
    grid, random = Grid((8, 8, 8), (20.0, 20.0, 20.0)), np.random.default_rng(0)
    mask = np.zeros((8, 8, 8), np.uint8)
    mask[2:6, 2:6, 2:6] = 1
    for case in cases:
        noise = random.normal(500, 50, grid.shape).astype(np.float32)
        write_image(folder / "imagesTr" / f"{case.case_id}_0000.nii.gz", noise, grid)
        if case.label == "a":
            write_image(folder / "masksTr" / f"{case.case_id}_brain.nii.gz", mask, grid)
    findings = check(load_raw_dataset(folder), 1).findings
    (confounded,) = [each for each in findings if each.check == CONFOUNDED]
    assert "brain mask: there in 12 of 12 a, none in 12 of 12 b" in confounded.found
    (partial,) = [each for each in findings if each.check == "partial masks"]
    assert "12 of 24 training cases have no brain mask" in partial.found


@pytest.mark.parametrize(
    ("rest", "meant"),
    [("_brain_mask", "brain"), ("_tumor", "lesion"), ("_brainmask", "brain"), ("", "lesion")],
)
def test_misnamed_masks_are_named_with_their_name(planted: Planted, rest, meant):
    raw = planted.load()
    first = raw.split("train")[0].case_id
    wrong = planted.folder / "masksTr" / f"{first}{rest}.nii.gz"
    wrong.parent.mkdir(exist_ok=True)
    wrong.touch()
    (finding,) = [each for each in check_mask_files(raw) if each.check == "misnamed mask"]
    assert f"CASE{rest}.nii.gz to CASE_{meant}.nii.gz" in finding.remedy
    wrong.rename(wrong.with_name(f"{first}_{meant}.nii.gz"))
    assert not [each for each in check_mask_files(raw) if each.check == "misnamed mask"]


def test_a_folder_of_nnunet_is_not_read_and_that_is_said(planted: Planted):
    raw = planted.load()
    (planted.folder / "labelsTr").mkdir()
    (finding,) = [each for each in check_mask_files(raw) if each.check == "folder of masks"]
    assert "labelsTr" in finding.found
    assert "masksTr" in finding.remedy
