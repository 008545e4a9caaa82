"""Models that were trained by a version with a known fault predict with a warning."""

import logging

import pytest

import ricenet_v2
from ricenet_v2.core import documents
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.records import known_faults
from ricenet_v2.records.known_faults import KNOWN_FAULTS, KnownFault, faults_of
from ricenet_v2.records.run import Run

LISTED = {
    "0.0.7": (KnownFault("the dose was read in cGy", "Train the folds anew"),),
    "0.0.8": (KnownFault("one", "Do this"), KnownFault("another", "Do that")),
}


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    monkeypatch.setattr(known_faults, "KNOWN_FAULTS", LISTED)


def record(model, fold, **versions):
    run = Run("D", "auto", "", fold, (), 0, "cpu", 3, "finished", None, (), versions, n_folds=2)
    documents.write(model.fold(fold).run, run)


def test_a_listed_version_warns_and_another_does_not(model, caplog):
    record(model, 0, ricenet_v2="0.0.7")
    record(model, 1, ricenet_v2="0.0.9")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        ensemble = load_ensemble(model.folder, device="cpu")
    said = (
        "fold 0 was trained with ricenet_v2 0.0.7, in which the dose was read in cGy. "
        "Train the folds anew"
    )
    assert ensemble.warnings == (said,)
    assert f"{model.folder}: {said}" in caplog.messages
    assert ensemble.predictions([]).warnings[-1] == said
    assert load_ensemble(model.folder, [1], device="cpu").warnings == ()


def test_every_fault_and_all_folds_of_a_version_are_named(model):
    for fold in (0, 1):
        record(model, fold, ricenet_v2="0.0.8")
    one, another = load_ensemble(model.folder, device="cpu").warnings
    assert one.startswith("folds 0, 1 were trained with ricenet_v2 0.0.8, in which one")
    assert another.endswith("in which another. Do that")


def test_a_record_without_a_version_says_nothing(model):
    record(model, 0, torch="0.0.7")
    assert load_ensemble(model.folder, device="cpu").warnings == ()


def test_what_is_listed_is_a_release_before_this_one():
    def order(version):
        numbers = version.removesuffix(".dev0").split(".")
        return (*map(int, numbers), not version.endswith(".dev0"))  # behind what led to it

    assert all(order(version) < order(ricenet_v2.__version__) for version in KNOWN_FAULTS)
    assert faults_of(ricenet_v2.__version__, KNOWN_FAULTS) == ()
    for known in (fault for faults in KNOWN_FAULTS.values() for fault in faults):
        assert known.fault
        assert known.remedy
        assert not known.remedy.endswith(".")
