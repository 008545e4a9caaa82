"""Facts of the simulated results, and of variants of them."""

import dataclasses

import pytest

from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.reporting.methods.facts import facts_of
from ricenet_v2.reporting.methods.text import sentences
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths


@pytest.fixture(scope="session")
def facts(simulated):
    """Of five finished folds and a folder of predictions."""
    paths = dataset_paths(NAME, simulated)
    return facts_of(read_sources(paths, "auto", "all", [simulated / "predictions"]))


@pytest.fixture(scope="session")
def text_of():
    """A function from facts, maybe with a key, to their text."""

    def made(facts, key=""):
        return " ".join(one.text for one in sentences(facts) if key in ("", one.key))

    return made


@pytest.fixture(scope="session")
def with_plan():
    """A function that changes fields of the trained plan, of `training`, `augmentation`, ..."""

    def made(facts, section="", **changes):
        plan, training = facts.plan, facts.plan.training
        if section == "augmentation":
            how = dataclasses.replace(training.augmentation, **changes)
            training = dataclasses.replace(training, augmentation=how)
        elif section == "training":
            training = dataclasses.replace(training, **changes)
        network = dataclasses.replace(plan.network, **changes if section == "network" else {})
        rest = {} if section else changes
        if "channels" in rest and getattr(network, "levels", ()):
            network = dataclasses.replace(network, levels=())  # one entry for each channel
        new = dataclasses.replace(plan, training=training, network=network, **rest)
        return dataclasses.replace(facts, plan=new)

    return made


@pytest.fixture(scope="session")
def with_runs():
    """A function that changes fields of run.json: of all folds, or of those named."""

    def made(facts, folds=range(5), done=None, **changes):
        return dataclasses.replace(
            facts,
            folds=tuple(
                dataclasses.replace(
                    fold,
                    run=dataclasses.replace(fold.run, **changes),
                    done=fold.done if done is None else done,
                )
                if fold.number in folds
                else fold
                for fold in facts.folds
            ),
        )

    return made


@pytest.fixture(scope="session")
def with_predictions():
    """A function that changes fields of predictions.json of the folder."""

    def made(facts, **changes):
        first, folder = facts.results
        new = dataclasses.replace(folder.predictions, **changes)
        return dataclasses.replace(
            facts, results=(first, dataclasses.replace(folder, predictions=new))
        )

    return made
