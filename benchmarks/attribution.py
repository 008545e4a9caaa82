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
from ricenet_v2.explanation.explained_case import Subject, SubjectFiles, read_subject
from ricenet_v2.explanation.maps import probabilities_of
from ricenet_v2.explanation.occlusion.occlude import occlude
from ricenet_v2.explanation.occlusion.prepared import Occlusions, prepare
from ricenet_v2.explanation.occlusion.settings import DoseBaseline, OcclusionSettings
from ricenet_v2.explanation.quantities.peak import peak
from ricenet_v2.explanation.quantities.regions import ring_of
from ricenet_v2.explanation.sanity.cascade import fresh_network
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.network.build import Classifier
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.phantom.patient import BY_DOSE_ALONE, SPREAD
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, masks_folder
from ricenet_v2.store.workspace import dataset_paths

TRAINED, RANDOM, NONE = "trained, fold {}", "random weights", "none: largest change of the voxels"
DOSE_BASELINES: dict[DoseBaseline, str] = {"local_mean": "mean around it", "zero_gy": "0 Gy"}
GOALS = {RANDOM: "below 20 %", NONE: ""}


@dataclass(frozen=True)
class Found:
    """One map of one test case.

    Attributes:
        case_id: The case.
        label: Its class, which is explained.
        network: Network whose map it is.
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
        TRAINED.format(fold): network
        for fold, network in ensemble.members.items()
        if isinstance(network, Classifier)
    }
    draws = [fresh_network(ensemble.plan, n, ensemble.device) for n in range(chosen.draws)]
    judgements = []
    for case in track(raw.split("test")[: chosen.explained], "explaining"):
        subject = subject_of(raw, ensemble, case)
        if subject.lesion is None or not subject.lesion.any():
            continue
        label, zone = ensemble.plan.classes.index(case.label), hit_zone(subject)
        share = float((zone & subject.brain).sum() / subject.brain.sum())
        for dose in DOSE_BASELINES:
            settings = OcclusionSettings(chosen.window_mm, chosen.stride_mm, dose=dose)
            hidden = prepare(subject.array, subject.region, ensemble.plan, settings, case.case_id)
            maps = {
                name: [occlude(network, hidden, label).logit] for name, network in trained.items()
            }
            maps[NONE] = [_changes(hidden)]
            if dose == "local_mean":
                maps[RANDOM] = [occlude(network, hidden, label).logit for network in draws]
            for name, of_name in maps.items():
                right = name not in trained or label == _called(trained[name], subject)
                hits = float(np.mean([zone[peak(network)] for network in of_name]))
                judgements.append(Found(case.case_id, case.label, name, dose, right, hits, share))
    return judgements


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
    changes = np.where(hidden.region, windows.average(values), np.nan)
    return changes.astype(np.float32)


def section(judgements: Sequence[Found], chosen: argparse.Namespace) -> str:
    """Markdown."""
    classes = sorted({judgement.label for judgement in judgements})
    networks = [*map(TRAINED.format, chosen.folds), RANDOM, NONE]
    rows = []
    for dose, described in DOSE_BASELINES.items():
        for name in networks:
            matching = [
                judgement
                for judgement in judgements
                if (judgement.network, judgement.dose) == (name, dose) and judgement.is_right
            ]
            if matching:
                by_class = [
                    _share([judgement for judgement in matching if judgement.label == each])
                    for each in classes
                ]
                goal = GOALS.get(name, "at least 80 %")
                rows.append((described, name, _share(matching), *by_class, goal))
    zone = 100 * float(np.mean([judgement.zone for judgement in judgements]))
    n = len({judgement.case_id for judgement in judgements})
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


def _share(judgements: Sequence[Found]) -> str:
    if not judgements:
        return "-"
    hits, n = sum(judgement.hits for judgement in judgements), len(judgements)
    low, high = proportion(hits, n)
    return f"{100 * hits / n:.0f} % of {n} ({100 * low:.0f} to {100 * high:.0f})"


def parser(description: str) -> argparse.ArgumentParser:
    """The options of the model, and where results go."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--workspace", type=Path, default=Path("attribution_benchmark"))
    result.add_argument("--cases", type=int, default=4000, help="training cases")
    result.add_argument("--test_cases", type=int, default=90)
    result.add_argument("--shape", type=int, nargs=3, default=(24, 28, 24))
    result.add_argument("--spacing", type=float, default=7.0, help="mm")
    result.add_argument("--epochs", type=int, default=20)
    result.add_argument(
        "--without_lesion",
        type=float,
        default=SPREAD.without_lesion,
        help="share of the patients; with 0 there are two classes",
    )
    result.add_argument("--updates", type=int, default=80, help="of an epoch")
    result.add_argument("--folds", type=int, nargs="+", default=[0], help="that are trained")
    result.add_argument("--device")
    result.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    return result


def arguments() -> argparse.Namespace:
    """The options."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--explained", type=int, default=90, help="test cases that are explained")
    options.add_argument("--draws", type=int, default=4, help="networks with random weights")
    options.add_argument("--window_mm", type=float, default=21.0)
    options.add_argument("--stride_mm", type=float, default=14.0)
    options.add_argument("--section", default="attribution", help="of the page, that is rewritten")
    options.set_defaults(folds=[0, 1])
    return options.parse_args()


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
    markdown: Callable[..., str],
) -> None:
    """Train what is not there, do the work, write the results and, on request, the section.

    Args:
        name: Name of the section and of the JSON file in the workspace.
        chosen: The options.
        work: Function from dataset, ensemble and options to records of results.
        markdown: Function from those and the options to Markdown.
    """
    if chosen.write:  # a page without its markers is found out now, not after the training
        page.rewrite(chosen.write.read_text(encoding="utf-8"), name, "")
    raw, model = trained_model(chosen)
    results = work(raw, load_ensemble(model, chosen.folds, device=chosen.device), chosen)
    text = json.dumps([asdict(result) for result in results], indent=1)
    (chosen.workspace / f"{name}.json").write_text(text, encoding="utf-8")
    text_of_section = markdown(results, chosen)
    print(text_of_section)
    if chosen.write:
        page.write(chosen.write, name, text_of_section)


if __name__ == "__main__":
    options = arguments()
    carry_out(options.section, options, judge, section)
