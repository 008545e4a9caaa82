"""Whether occlusion finds what decides: phantom patients whose label follows the lesion's dose.

    python -m benchmarks.attribution --write documentation/benchmarks.md

The label of this cohort is decided by the mean dose of the lesion alone, so a network that answers
rightly must look at the lesion and at the dose that falls off beside it. A third of the patients
has no lesion, which is a class of its own; `--without_lesion 0` leaves two classes. The maximum of
the map is a hit where it lies in the lesion or within 10 mm of it. Beside the trained networks
stand networks of random weights, and no network at all: the window whose voxels change the most.
Training goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import page
from ricenet_v2.cli import plan_and_preprocess, train
from ricenet_v2.core.progress import track
from ricenet_v2.evaluation.intervals import proportion
from ricenet_v2.explanation.maps import probabilities_of
from ricenet_v2.explanation.occlusion.occlude import occlude
from ricenet_v2.explanation.occlusion.prepared import Occlusions, prepare
from ricenet_v2.explanation.occlusion.settings import DoseBaseline, OcclusionSettings
from ricenet_v2.explanation.quantities.peak import peak
from ricenet_v2.explanation.quantities.regions import ring_of
from ricenet_v2.explanation.sanity.cascade import fresh_network
from ricenet_v2.explanation.subject import Subject, SubjectFiles, read_subject
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.network.build import Classifier
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.phantom.patient import BY_DOSE_ALONE, SPREAD
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.paths import dataset_paths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, masks_folder

TRAINED, RANDOM, NONE = "trained, fold {}", "random weights", "none: largest change of the voxels"
DOSE_BASELINES: dict[DoseBaseline, str] = {"local_mean": "mean around it", "zero_gy": "0 Gy"}
GOALS = {RANDOM: "below 20 %", NONE: ""}


@dataclass(frozen=True)
class Found:
    """One map of one test case.

    Attributes:
        case_id: The case.
        label: Its class, which is explained.
        network: Whose map it is.
        dose: What hides it.
        is_right: Whether the network calls the class; of random weights and no network, True.
        hits: Share of the maxima that hit; there are several of random weights.
        zone: Share of the brain that counts as a hit.
    """

    case_id: str
    label: str
    network: str
    dose: DoseBaseline
    is_right: bool
    hits: float
    zone: float


def hit_zone(subject: Subject) -> NDArray[np.bool_]:
    """Voxels (z, y, x) of the lesion and of the 10 mm around it."""
    assert subject.lesion is not None
    return subject.lesion | ring_of(subject.lesion, subject.space.step)


def subject_of(raw: RawDataset, ensemble: Ensemble, case: Case) -> Subject:
    """A test case, made ready."""
    masks, images = masks_folder(raw.folder, "test"), raw.images(case)
    files = SubjectFiles(case.case_id, images, masks, covariates=case.covariates)
    return read_subject(ensemble, files)


def judge(raw: RawDataset, ensemble: Ensemble, chosen: argparse.Namespace) -> list[Found]:
    """Explain the first test cases with trained networks, random weights and no network."""
    trained = {
        TRAINED.format(fold): one
        for fold, one in ensemble.members.items()
        if isinstance(one, Classifier)
    }
    draws = [fresh_network(ensemble.plan, n, ensemble.device) for n in range(chosen.draws)]
    made = []
    for case in track(raw.split("test")[: chosen.explained], "explaining"):
        subject = subject_of(raw, ensemble, case)
        if subject.lesion is None or not subject.lesion.any():
            continue
        label, zone = ensemble.plan.classes.index(case.label), hit_zone(subject)
        share = float((zone & subject.brain).sum() / subject.brain.sum())
        for dose in DOSE_BASELINES:
            settings = OcclusionSettings(chosen.window_mm, chosen.stride_mm, dose=dose)
            hidden = prepare(subject.array, subject.region, ensemble.plan, settings, case.case_id)
            maps = {name: [occlude(one, hidden, label).logit] for name, one in trained.items()}
            maps[NONE] = [_changes(hidden)]
            if dose == "local_mean":
                maps[RANDOM] = [occlude(one, hidden, label).logit for one in draws]
            for name, own in maps.items():
                right = name not in trained or label == _called(trained[name], subject)
                hits = float(np.mean([zone[peak(one)] for one in own]))
                made.append(Found(case.case_id, case.label, name, dose, right, hits, share))
    return made


def _called(network: Classifier, subject: Subject) -> int:
    return int(probabilities_of({0: network}, subject.array).argmax())


def _changes(hidden: Occlusions) -> NDArray[np.float32]:
    """Mean square by which windows change the voxels of all channels, as a map (z, y, x)."""
    windows = hidden.windows
    values = np.array(
        [
            np.square(hidden.array[windows.slices(n)] - hidden.fills.box(n, windows)).mean()
            for n in range(len(windows))
        ]
    )
    found = np.where(hidden.region, windows.average(values), np.nan)
    return found.astype(np.float32)


def section(found: Sequence[Found], chosen: argparse.Namespace) -> str:
    """Markdown."""
    classes = sorted({one.label for one in found})
    networks = [*map(TRAINED.format, chosen.folds), RANDOM, NONE]
    rows = []
    for dose, told in DOSE_BASELINES.items():
        for name in networks:
            own = [one for one in found if (one.network, one.dose) == (name, dose) and one.is_right]
            if own:
                by_class = [_share([one for one in own if one.label == each]) for each in classes]
                goal = GOALS.get(name, "at least 80 %")
                rows.append((told, name, _share(own), *by_class, goal))
    zone = 100 * float(np.mean([one.zone for one in found]))
    n = len({one.case_id for one in found})
    n_classes, size = 3 if chosen.without_lesion else 2, " x ".join(map(str, chosen.shape))
    head = (
        f"{n_classes} classes; {chosen.cases} training cases of {size} voxels of "
        f"{chosen.spacing:g} mm, {chosen.epochs} epochs of {chosen.updates} updates; {n} test "
        f"cases with a lesion, of a trained network those that it called rightly. Windows of "
        f"{chosen.window_mm:g} mm, {chosen.stride_mm:g} mm apart, all channels hidden at once. "
        f"Random weights: {chosen.draws} networks, the mean of their shares. What counts as a hit "
        f"is {zone:.1f} % of the brain on average. Intervals: Clopper-Pearson of the cases, 95 %."
    )
    columns = ("in place of the dose", "network", "hits", *classes, "goal of all hits")
    return f"{head}\n\n{page.table(columns, rows)}"


def _share(found: Sequence[Found]) -> str:
    if not found:
        return "-"
    hits, n = sum(one.hits for one in found), len(found)
    low, high = proportion(hits, n)
    return f"{100 * hits / n:.0f} % of {n} ({100 * low:.0f} to {100 * high:.0f})"


def parser(description: str) -> argparse.ArgumentParser:
    """The options of the model, and where results go."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--workspace", type=Path, default=Path("attribution_benchmark"))
    made.add_argument("--cases", type=int, default=4000, help="training cases")
    made.add_argument("--test_cases", type=int, default=90)
    made.add_argument("--shape", type=int, nargs=3, default=(24, 28, 24))
    made.add_argument("--spacing", type=float, default=7.0, help="mm")
    made.add_argument("--epochs", type=int, default=20)
    made.add_argument(
        "--without_lesion",
        type=float,
        default=SPREAD.without_lesion,
        help="share of the patients; with 0 there are two classes",
    )
    made.add_argument("--updates", type=int, default=80, help="of an epoch")
    made.add_argument("--folds", type=int, nargs="+", default=[0], help="that are trained")
    made.add_argument("--device")
    made.add_argument("--write", type=Path, metavar="FILE", help="page whose section is rewritten")
    return made


def arguments() -> argparse.Namespace:
    """The options."""
    made = parser(__doc__.splitlines()[0])
    made.add_argument("--explained", type=int, default=90, help="test cases that are explained")
    made.add_argument("--draws", type=int, default=4, help="networks with random weights")
    made.add_argument("--window_mm", type=float, default=21.0)
    made.add_argument("--stride_mm", type=float, default=14.0)
    made.add_argument("--section", default="attribution", help="of the page, that is rewritten")
    made.set_defaults(folds=[0, 1])
    return made.parse_args()


def trained_model(chosen: argparse.Namespace) -> tuple[RawDataset, Path]:
    """Make the cohort, plan it and train folds, as far as that is not done yet."""
    z, y, x = chosen.shape
    folder = write_cohort(
        chosen.workspace / "raw" / NAME,
        cases=chosen.cases,
        test_cases=chosen.test_cases,
        shape=(z, y, x),
        spacing=(chosen.spacing,) * 3,
        label_model=BY_DOSE_ALONE,
        anatomy=replace(SPREAD, without_lesion=chosen.without_lesion),
    )
    space = [NAME, "--workspace", str(chosen.workspace)]
    on = ["--device", chosen.device] if chosen.device else []
    settings = [
        f"iterations_per_epoch={chosen.updates}",
        "learning_rate=0.002",
        "warmup_epochs=1",
        *(f"augmentation.p_{name}=0" for name in ("rotation", "scaling", "elastic", "noise")),
        *(f"augmentation.p_{name}=0" for name in ("blur", "gamma", "low_resolution")),
    ]
    words = [*space[1:], "--epochs", str(chosen.epochs), "--continue", *on, "--set", *settings]
    if plan_and_preprocess.main([*space, "--gpu_memory_gb", "1"]):
        raise SystemExit("The cohort could not be planned.")
    for fold in chosen.folds:
        if train.main([NAME, str(fold), *words]):
            raise SystemExit(f"Fold {fold} could not be trained.")
    paths = dataset_paths(NAME, chosen.workspace)
    return load_raw_dataset(folder), paths.run().folder


def carry_out(
    name: str,
    chosen: argparse.Namespace,
    work: Callable[..., Sequence[Any]],
    told: Callable[..., str],
) -> None:
    """Train what is not there, do the work, write the results and, on request, the section.

    Args:
        name: Of the section and of the JSON file in the workspace.
        chosen: The options.
        work: From dataset, ensemble and options to records of results.
        told: From those and the options to Markdown.
    """
    if chosen.write:  # a page without its markers is found out now, not after the training
        page.rewrite(chosen.write.read_text(encoding="utf-8"), name, "")
    raw, model = trained_model(chosen)
    found = work(raw, load_ensemble(model, chosen.folds, device=chosen.device), chosen)
    text = json.dumps([asdict(one) for one in found], indent=1)
    (chosen.workspace / f"{name}.json").write_text(text, encoding="utf-8")
    made = told(found, chosen)
    print(made)
    if chosen.write:
        page.write(chosen.write, name, made)


if __name__ == "__main__":
    options = arguments()
    carry_out(options.section, options, judge, section)
