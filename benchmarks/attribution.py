"""Whether occlusion finds what decides: phantom patients whose label follows the lesion's dose.

    python -m benchmarks.attribution --write documentation/benchmarks.md

The label of this cohort is decided by the mean dose of the lesion alone, so a network that answers
rightly must look at the lesion and at the dose that falls off beside it. The maximum of the map is
a hit where it lies in the lesion or within 10 mm of it. Training goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import DoseBaseline, OcclusionSettings
from ricenet_v2.explanation.quantities.parts import ring_of
from ricenet_v2.explanation.sanity.cascade import fresh_network
from ricenet_v2.explanation.subject import Subject, read_subject
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.network.build import Classifier
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.phantom.patient import BY_DOSE_ALONE, SPREAD
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.paths import dataset_paths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, masks_folder

TRAINED, RANDOM = "trained", "random weights"
DOSE_BASELINES: dict[DoseBaseline, str] = {"local_mean": "mean around it", "zero_gy": "0 Gy"}
GOALS = {TRAINED: "at least 80 %", RANDOM: "below 20 %"}


@dataclass(frozen=True)
class Found:
    """One test case.

    Attributes:
        case_id: The case.
        called: Class that the trained network called.
        is_right: Whether that is the label.
        hits: Share of the maxima that hit, by network; there are several of random weights.
        zone: Share of the brain that counts as a hit.
    """

    case_id: str
    called: str
    is_right: bool
    hits: dict[str, float]
    zone: float


def hit_zone(subject: Subject) -> NDArray[np.bool_]:
    """Voxels (z, y, x) of the lesion and of the 10 mm around it."""
    assert subject.lesion is not None
    return subject.lesion | ring_of(subject.lesion, subject.space.step)


def maximum(values: NDArray[np.float32]) -> tuple[int, int, int]:
    """The voxel (z, y, x) in the middle of those that share the largest value of a map.

    Windows overlap by steps of several voxels, so that blocks of voxels share their value.
    """
    places = np.argwhere(values >= np.nanmax(values) - 1e-7)
    middle = places[int(((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    return int(middle[0]), int(middle[1]), int(middle[2])


def subject_of(raw: RawDataset, ensemble: Ensemble, case: Case) -> Subject:
    """A test case, made ready."""
    masks = masks_folder(raw.folder, "test")
    images, covariates = raw.images(case), case.covariates
    return read_subject(ensemble, case.case_id, images, masks, "brain", covariates=covariates)


def judge(raw: RawDataset, ensemble: Ensemble, chosen: argparse.Namespace) -> list[Found]:
    """Explain the first test cases with the trained network and with networks of random weights."""
    (trained,) = (one for one in ensemble.members.values() if isinstance(one, Classifier))
    draws = [fresh_network(ensemble.plan, n, ensemble.device) for n in range(chosen.draws)]
    networks = {TRAINED: [trained], RANDOM: draws}
    made = []
    for case in track(raw.split("test")[: chosen.explained], "explaining"):
        subject = subject_of(raw, ensemble, case)
        if subject.lesion is None or not subject.lesion.any():
            continue
        called = int(probabilities_of({0: trained}, subject.array).argmax())
        zone = hit_zone(subject)
        hits: dict[str, float] = {}
        for dose in DOSE_BASELINES:
            settings = OcclusionSettings(chosen.window_mm, chosen.stride_mm, dose=dose)
            hidden = prepare(subject.array, subject.region, ensemble.plan, settings, case.case_id)
            for name, each in networks.items():
                found = [zone[maximum(occlude(one, hidden, called).logit)] for one in each]
                hits[f"{name}, {dose}"] = float(np.mean(found))
        share = float((zone & subject.brain).sum() / subject.brain.sum())
        name = ensemble.plan.classes[called]
        made.append(Found(case.case_id, name, name == case.label, hits, share))
    return made


def section(found: Sequence[Found], chosen: argparse.Namespace) -> str:
    """Markdown."""
    right = [one for one in found if one.is_right]
    classes = sorted({one.called for one in right})
    rows = []
    for dose, told in DOSE_BASELINES.items():
        for name, goal in GOALS.items():
            key = f"{name}, {dose}"
            by_class = [
                _share([one for one in right if one.called == each], key) for each in classes
            ]
            rows.append((told, name, _share(right, key), *by_class, goal))
    zone = 100 * float(np.mean([one.zone for one in right]))
    head = (
        f"{chosen.cases} training cases of {' x '.join(map(str, chosen.shape))} voxels of "
        f"{chosen.spacing:g} mm, {chosen.epochs} epochs of {chosen.updates} updates, one fold; "
        f"{len(right)} of {len(found)} test cases were called rightly and count. Windows of "
        f"{chosen.window_mm:g} mm, {chosen.stride_mm:g} mm apart, all channels hidden at once. "
        f"Random weights: {chosen.draws} networks, the mean of their shares. What counts as a hit "
        f"is {zone:.1f} % of the brain on average. Intervals: Clopper-Pearson of the cases, 95 %."
    )
    columns = ("in place of the dose", "network", "hits", *classes, "goal of all hits")
    return f"{head}\n\n{page.table(columns, rows)}"


def _share(found: Sequence[Found], key: str) -> str:
    hits, n = sum(one.hits[key] for one in found), len(found)
    low, high = proportion(hits, n, method="exact")
    return f"{100 * hits / n:.0f} % of {n} ({100 * low:.0f} to {100 * high:.0f})"


def parser(description: str) -> argparse.ArgumentParser:
    """The options of the model, and where results go."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--workspace", type=Path, default=Path("attribution_benchmark"))
    made.add_argument("--cases", type=int, default=2000, help="training cases")
    made.add_argument("--test_cases", type=int, default=60)
    made.add_argument("--shape", type=int, nargs=3, default=(24, 28, 24))
    made.add_argument("--spacing", type=float, default=7.0, help="mm")
    made.add_argument("--epochs", type=int, default=10)
    made.add_argument("--updates", type=int, default=80, help="of an epoch")
    made.add_argument("--device")
    made.add_argument("--write", type=Path, metavar="FILE", help="page whose section is rewritten")
    return made


def arguments() -> argparse.Namespace:
    """The options."""
    made = parser(__doc__.splitlines()[0])
    made.add_argument("--explained", type=int, default=40, help="test cases that are explained")
    made.add_argument("--draws", type=int, default=3, help="networks with random weights")
    made.add_argument("--window_mm", type=float, default=21.0)
    made.add_argument("--stride_mm", type=float, default=14.0)
    return made.parse_args()


def trained_model(chosen: argparse.Namespace) -> tuple[RawDataset, Path]:
    """Make the cohort, plan it and train fold 0, as far as that is not done yet."""
    z, y, x = chosen.shape
    folder = write_cohort(
        chosen.workspace / "raw" / NAME,
        cases=chosen.cases,
        test_cases=chosen.test_cases,
        shape=(z, y, x),
        spacing=(chosen.spacing,) * 3,
        label_model=BY_DOSE_ALONE,
        anatomy=SPREAD,
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
    words = [*space[:1], "0", *space[1:], "--epochs", str(chosen.epochs), "--continue", *on]
    if plan_and_preprocess.main([*space, "--gpu_memory_gb", "1"]) or train.main(
        [*words, "--set", *settings]
    ):
        raise SystemExit("The network could not be trained.")
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
    found = work(raw, load_ensemble(model, [0], device=chosen.device), chosen)
    text = json.dumps([asdict(one) for one in found], indent=1)
    (chosen.workspace / f"{name}.json").write_text(text, encoding="utf-8")
    made = told(found, chosen)
    print(made)
    if chosen.write:
        page.write(chosen.write, name, made)


if __name__ == "__main__":
    carry_out("attribution", arguments(), judge, section)
