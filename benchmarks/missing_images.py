"""Patients who lack images: learning from them, against leaving them or the channels out.

    python -m benchmarks.missing_images --write documentation/benchmarks.md

Simulated cohorts in which 30 % of the images after surgery and 30 % of the doses are missing, each
by itself, in training and in the test set; every patient has the image at the event. Networks of
each seed:

- allowed: all patients, planned with --allow_missing_channels;
- without the channels: all patients, the image at the event alone;
- without the patients: all channels, those patients only who have them;
- nothing missing: the same patients with all of their images, the best that could be;
- two networks: no further network, but what a user could do instead of the first: patients with all
  images are predicted by the network without the patients, the others by that without the channels.

How the design was chosen: on other simulated patients, by what networks with nothing missing learn
and what they lose without the patients, before a network that allows missing images was trained in
it. With 40 patients, batches of 4 and 40 epochs, as in an earlier form, networks learn hardly
anything. So there are 80 patients (as in the paper) in batches of 8, a higher learning rate, and a
label that the dose and the growth of the lesion decide, since 15 mm voxels do not show its texture,
without noise beside the last draw. All networks have equally many updates of the same size. The
seeds from 200 on were not used before, and how many there are was decided by time, not by results.

What is asked was stated before these seeds, too, though after such networks of a few of the other
patients and of seed 0 had been seen. The interval over seeds (Student's t of their differences;
each seed has other patients, other weights and another test set) decides:

1. Is "allowed" better than "without the patients" where all images are there? Where the interval is
   above 0. All test patients are predicted from all of their images for this.
2. Is it better than "two networks" where some images are missing? Where the interval is above 0.
   Test patients are predicted from what they have.
3. Is it no worse than "without the channels" there? Where the interval is above -0.05.

The interval over the test patients of these very networks (DeLong's variance) stands beside it.

Sixteen seeds, 200 to 215, answered the third question with yes and left the first open (+0.025,
interval from -0.005 to +0.054). So the same was repeated with forty fresh seeds, 300 to 339, as
many as show a difference of 0.025 with a power of 80 % at the spread of the first ones (standard
deviation 0.056). This was written down before any of them was computed. Both stand on the page, and
they are not pooled.

    python -m benchmarks.missing_images --again --write documentation/benchmarks.md

Resumable: the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

import ricenet_v2 as rn
from benchmarks import page
from benchmarks.missing_images_table import (
    ALLOWED,
    NETWORKS,
    NO_CHANNELS,
    NO_PATIENTS,
    RATE,
    TWO,
    WHOLE,
    Scores,
    section,
)
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import CHANNELS, NAME, write_cohort
from ricenet_v2.phantom.patient import LabelModel
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import PREDICTIONS_JSON
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, write_cases
from ricenet_v2.store.workspace import dataset_paths

PLAN = "small"
LABEL = LabelModel(dose=7.0, margin=0.6, texture=0.0, growth=3.0, noise=0.0)
NAMES = tuple(channel.name for channel in CHANNELS)
RUNS = {False: ("missing images", range(200, 216)), True: ("missing images again", range(300, 340))}
"""Name of the table and seeds, without and with --again."""


def run(workspace: Path, seed: int, chosen: argparse.Namespace) -> Scores:
    """The cohort of a seed, its networks and their predictions of the test cases."""
    missing = _cohort(workspace / "lacking", seed, chosen, dict.fromkeys(chosen.missing, RATE))
    whole = _cohort(workspace / "simulated", seed, chosen, {})
    lacking = {case.case_id for case in missing.cases if missing.absent(case)}
    every = _planned(workspace / "whole", whole, chosen)
    others = tuple(name for name in NAMES if name not in chosen.missing)
    networks = {
        ALLOWED: (_planned(workspace / "missing", missing, chosen, allow_missing=True), None),
        NO_CHANNELS: (every, others),
        NO_PATIENTS: (_planned(workspace / "few", whole, chosen, without=lacking), None),
        WHOLE: (every, None),
    }
    models = {name: _trained(*each, seed, chosen) for name, each in networks.items()}
    images = whole.folder / "imagesTs"
    from_all = {name: _log_odds(whole, images, model) for name, model in models.items()}
    from_all[TWO] = from_all[NO_PATIENTS]
    left = _log_odds(whole, missing.folder / "imagesTs", models[ALLOWED])
    is_complete = np.array([case.case_id not in lacking for case in whole.split("test")])
    two = np.where(is_complete, from_all[NO_PATIENTS], from_all[NO_CHANNELS])
    from_rest = {**from_all, ALLOWED: left, TWO: two}
    recurrence = whole.dataset.classes[whole.dataset.positive_index]
    return Scores(
        np.array([from_all[name] for name in NETWORKS]),
        np.array([from_rest[name] for name in NETWORKS]),
        np.array([case.label == recurrence for case in whole.split("test")]),
    )


def _cohort(
    workspace: Path, seed: int, chosen: argparse.Namespace, rates: Mapping[str, float]
) -> RawDataset:
    z, y, x = chosen.shape
    head = (180.0 / z, 216.0 / y, 180.0 / x)  # the head fills the grid at any size
    folder = write_cohort(
        workspace / NAME,
        cases=chosen.cases, test_cases=chosen.test_cases, shape=(z, y, x), spacing=head, seed=seed,
        label_model=LABEL, missing_images=rates,
    )  # fmt: skip
    return load_raw_dataset(folder)


def _planned(
    workspace: Path,
    simulated: RawDataset,
    chosen: argparse.Namespace,
    *,
    without: Collection[str] = (),
    allow_missing: bool = False,
) -> RawDataset:
    """A preprocessed copy whose table has neither these training patients nor the test cases.

    Test cases are predicted as new patients from the images of the folder.
    """
    folder = workspace / "raw" / NAME
    if not folder.is_dir():
        shutil.copytree(simulated.folder, folder)
    write_cases(folder, [case for case in simulated.split("train") if case.case_id not in without])
    options = rn.PlanOptions(
        preset=PLAN, allow_missing_channels=allow_missing, batch_size=chosen.batch, num_folds=2
    )
    file = dataset_paths(NAME, workspace).plan(PLAN)
    if not file.is_file():
        rn.plan(folder, options, workspace=workspace)
        _narrow(file, chosen.width)
    rn.preprocess(folder, PLAN, workspace=workspace)
    return load_raw_dataset(folder)


def _trained(
    raw: RawDataset, channels: tuple[str, ...] | None, seed: int, chosen: argparse.Namespace
) -> Path:
    """The folder of a network of all training cases; a finished one is kept."""
    space = raw.folder.parent.parent
    training = rn.TrainOptions(
        channels=channels,
        epochs=chosen.epochs,
        seed=seed,
        resume=True,
        overrides={
            "learning_rate": str(chosen.learning_rate),
            "iterations_per_epoch": str(chosen.cases // chosen.batch),
            "channels_last": "true",  # twice as fast with so few features
        },
    )
    rn.train(NAME, "full", training, plan=PLAN, workspace=space, device="cpu")
    label = "all" if channels is None else "+".join(channels)
    return rn.model_folder(NAME, plan=PLAN, channels=label, workspace=space, full=True)


def _log_odds(whole: RawDataset, images: Path, model: Path) -> NDArray[np.float64]:
    """Log odds of recurrence of the test cases by a network from images; what is there is kept."""
    output = model / f"predictions_{images.parents[1].name}"
    if not (output / PREDICTIONS_JSON).is_file():
        rn.predict(images, output, model, resume=True, device="cpu")
    predictions = documents.read(Predictions, output / PREDICTIONS_JSON)
    assert not predictions.failed, predictions.failed
    by_case = {case.case_id: case.probabilities for case in predictions.cases}
    recurrence = whole.dataset.positive_index
    probabilities = [by_case[case.case_id][recurrence] for case in whole.split("test")]
    return special.logit(np.clip(probabilities, 1e-6, 1 - 1e-6))


def _narrow(file: Path, width: int) -> None:
    """Give the network of a plan fewer features: `width` in its first stage."""
    plan = documents.read(Plan, file)
    features = tuple(width * 2**stage for stage in range(len(plan.network.features)))
    network = dataclasses.replace(plan.network, features=features)
    documents.write(file, dataclasses.replace(plan, network=network))


def main() -> None:
    """Run all seeds; print the section and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("missing_images_benchmark"))
    parser.add_argument("--missing", nargs="+", choices=NAMES, default=["T1c_post_op", "dose"])
    parser.add_argument("--again", action="store_true", help="the repetition, a table of its own")
    parser.add_argument("--seeds", type=int, nargs="+", help="in place of those of the docstring")
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--test_cases", type=int, default=160)
    parser.add_argument("--shape", type=int, nargs=3, default=(12, 14, 12), metavar=("Z", "Y", "X"))
    parser.add_argument("--width", type=int, default=8, help="features of the first stage")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning_rate", type=float, default=0.005)
    parser.add_argument("--write", type=Path, metavar="FILE", help="page that is rewritten")
    chosen = parser.parse_args()
    name, seeds = RUNS[chosen.again]
    if chosen.write:  # a page without its markers is found out now, not at the end
        page.rewrite(chosen.write.read_text(encoding="utf-8"), name, "")
    scores = []
    for seed in chosen.seeds or seeds:
        print(f"seed {seed}", flush=True)
        scores.append(run(chosen.workspace / f"seed_{seed}", seed, chosen))
    text = section(scores, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, name, text)


if __name__ == "__main__":
    main()
