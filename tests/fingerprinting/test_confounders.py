"""Properties that tell classes apart: found where they do, and not where chance does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from ricenet_v2.api.planning import plan
from ricenet_v2.api.planning_steps import PlanNotes, PlanOptions
from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.evaluation import sanity
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.sanity import SanityOptions
from ricenet_v2.fingerprinting.checks_confounders import CONFOUNDED
from ricenet_v2.fingerprinting.checks_mask_files import check_mask_files
from ricenet_v2.fingerprinting.confounders import _columns, _holm, _p_value, _permuted, confounders
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.workspace import dataset_paths

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


@pytest.mark.parametrize(("p", "n_named"), [(0.049, 1), (0.05, 0)])
def test_a_property_is_named_where_p_is_below_one_in_twenty(monkeypatch, p, n_named):
    monkeypatch.setattr("ricenet_v2.fingerprinting.confounders._p_value", lambda *_: p)
    traits = {"spacing": dict(zip(NAMES, range(24), strict=True))}
    assert len(confounders(traits, LABELS, ITSELF)) == n_named


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


def write_noise(folder):
    """A dataset of noise with a brain mask that is larger in one class."""
    cases = [Case(name, name, LABELS[name]) for name in NAMES]
    write_raw_tables(folder, Dataset(folder.name, (Channel("T1", "mri"),), ("a", "b")), cases)
    grid, random = Grid((8, 8, 8), (20.0, 20.0, 20.0)), np.random.default_rng(0)
    for number, case in enumerate(cases):
        noise = random.normal(500, 50, grid.shape).astype(np.float32)
        write_image(folder / "imagesTr" / f"{case.case_id}_0000.nii.gz", noise, grid)
        mask = np.zeros(grid.shape, np.uint8)
        mask[1 : 6 + (case.label == "a"), 1:7, 1:7] = 1
        mask[1, 1 : 1 + number % 5, 1] = 0  # no two are alike
        write_image(folder / "masksTr" / f"{case.case_id}_brain.nii.gz", mask, grid)
    return folder


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


def test_masks_whose_size_follows_the_class_are_named_by_check_page_and_evaluation(
    tmp_path, real_plan_pages
):
    """Noise again: what is left of it differs, and a network learns that."""
    write_noise(tmp_path / "raw" / "Dataset001_Noise")
    paths = dataset_paths("Dataset001_Noise", tmp_path)
    steps = []
    plan(paths.raw, PlanOptions(preset="small"), workspace=tmp_path, observer=steps.append)
    (finding,) = documents.read(Integrity, paths.integrity).findings
    assert finding.found.startswith("volume of the brain mask")
    notes = [note for step in steps if isinstance(step, PlanNotes) for note in step.notes]
    assert not any("classes imaged differently: volume of" in note for note in notes)  # once
    page = paths.page("small").read_text(encoding="utf-8")
    assert "volume of the brain mask, mL: median" in page
    found = _too_good_to_be_true(paths)
    assert found.count("volume of the brain mask, mL: median") == 1


def _too_good_to_be_true(paths):
    """What the evaluation of out-of-fold predictions says of the images; there is a doubt."""
    truth = tuple("ab".index(LABELS[name]) for name in NAMES)
    labelled = LabelledPredictions(
        tuple(NAMES), tuple(NAMES), np.array(truth), np.array(truth), np.eye(2)[list(truth)],
        ("a", "b"),
        folds=(0, 1, 2, 3) * 6,
    )  # fmt: skip
    evaluated = EvaluationInput(labelled, 1, "noise", "out-of-fold", dataset=paths)
    checks = {each.name: each for each in sanity.check(evaluated, SanityOptions()).checks}
    assert checks[CONFOUNDED].outcome == "doubt"
    return checks[CONFOUNDED].found


def _spacing(in_a, random):
    return {"spacing": (20.0, 20.0, 21.0 if in_a else 20.0)}


def _scale(in_a, random):
    return {"scale": 1.3 if in_a else 1.0}


def _origin(in_a, random):
    return {"origin": (0.0, 0.0, -40.0 if in_a else 0.0)}


def _presence(in_a, random):
    return {"masks": ("brain",) if in_a else ()}


def _lesions(in_a, random):
    return {"masks": ("lesion",), "lesion": 3 + in_a}


def _mask_channel(in_a, random):
    return {**_lesions(in_a, random), "is_channel": True}


def write_differing(folder, trait):
    """A dataset of noise in which one thing of how images or masks were made is of the class."""
    channels = [Channel("T1", "mri")]
    grid_of = {"spacing": (20.0, 20.0, 20.0), "origin": (0.0, 0.0, 0.0)}
    random = np.random.default_rng(0)
    made = {name: trait(LABELS[name] == "a", random) for name in NAMES}
    if any(each.get("is_channel") for each in made.values()):
        channels.append(Channel("lesion", "mask", mask="lesion"))
    cases = [Case(name, name, LABELS[name]) for name in NAMES]
    write_raw_tables(folder, Dataset(folder.name, tuple(channels), ("a", "b")), cases)
    for number, name in enumerate(NAMES):
        how = made[name]
        grid = Grid((8, 8, 8), how.get("spacing", grid_of["spacing"]),
                    how.get("origin", grid_of["origin"]))  # fmt: skip
        noise = random.normal(500, 50, grid.shape).astype(np.float32) * how.get("scale", 1.0)
        write_image(folder / "imagesTr" / f"{name}_0000.nii.gz", noise.astype(np.float32), grid)
        for kind in how.get("masks", ()):
            mask = np.zeros(grid.shape, np.uint8)
            mask[2 : 2 + how.get("lesion", 4), 2:5, 2:5] = 1
            mask[7].flat[: number + 1] = how.get("is_channel", False)  # no two cases share a mask
            write_image(folder / "masksTr" / f"{name}_{kind}.nii.gz", mask, grid)
    return folder


@pytest.mark.parametrize(
    ("trait", "named", "by_check", "region"),
    [
        (_spacing, "spacing along x, mm: median 21 of a, median 20 of b", True, "image"),
        (_scale, "intensity scale of T1 (99.5th percentile): median", False, "image"),
        (_origin, "first voxel along z, mm: median -40 of a, median 0 of b", True, "image"),
        (_presence, "brain mask: there in 12 of 12 a, none in 12 of 12 b", True, "image"),
        (_lesions, "volume of the lesion mask, mL: median", True, "lesion"),
        (_mask_channel, "volume of the lesion mask, mL: median", True, "image"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_each_property_alone_is_named_by_check_or_plan_and_by_the_evaluation(
    trait, named, by_check, region, tmp_path
):
    """Each from images to "Too good to be true?"; the plan says it once."""
    write_differing(tmp_path / "raw" / "Dataset001_Noise", trait)
    paths = dataset_paths("Dataset001_Noise", tmp_path)
    steps = []
    options = PlanOptions(preset="small", region=region)
    plan(paths.raw, options, workspace=tmp_path, observer=steps.append)
    findings = [
        finding.found
        for finding in documents.read(Integrity, paths.integrity).findings
        if finding.check == CONFOUNDED
    ]
    notes = [note for step in steps if isinstance(step, PlanNotes) for note in step.notes]
    said = [*findings, *(note for note in notes if CONFOUNDED in note)]
    assert sum(named in text for text in said) == 1
    assert any(named in text for text in findings) == by_check
    assert _too_good_to_be_true(paths).count(named) == 1


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
