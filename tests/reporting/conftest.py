"""Fingerprints and plans of made-up cohorts, as the page takes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.results import simulate
from ricenet_v2.cli import evaluate, report
from ricenet_v2.core import documents
from ricenet_v2.fingerprinting.fingerprint import aggregate
from ricenet_v2.fingerprinting.measure import MeasuredCase
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.stages import StageCost, stage_costs
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.fingerprint import CaseMeasurement, ChannelMeasurement, Fingerprint
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.report import ReportSection, SectionFigure, SectionVolume
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths
from tests.small_work import shrink

MAPPED = "PH0021"
"""The case that has maps."""


@dataclass(frozen=True)
class Planned:
    """What a page is made of."""

    fingerprint: Fingerprint
    plan: Plan
    parts: tuple[StageCost, ...]


def measured(
    kinds: Sequence[str], n_cases: int, spacing: tuple[float, float, float], name: str
) -> tuple[Fingerprint, Dataset]:
    """Cases of about 20 voxels a side; every number differs from case to case."""
    rng = np.random.default_rng(len(kinds) + n_cases)
    cases = [
        CaseMeasurement(
            f"case{index:03d}",
            (24, 26, 28),
            (18 + int(rng.integers(4)), 18 + int(rng.integers(4)), 18 + int(rng.integers(4))),
            spacing,
            float(rng.uniform(0.3, 0.4)),
            tuple(_channel(kind, rng) for kind in kinds),
        )
        for index in range(n_cases)
    ]
    samples = [
        MeasuredCase(case, tuple(np.linspace(one.minimum, one.maximum, 9) for one in case.channels))
        for case in cases
    ]
    channels = tuple(Channel(f"{kind} {n}", kind) for n, kind in enumerate(kinds))
    counts = {"recurrence": n_cases - n_cases // 2, "RICE": n_cases // 2}
    fingerprint = Fingerprint(
        name, n_cases, n_cases, counts, aggregate(channels, samples), tuple(cases)
    )
    return fingerprint, Dataset(name, channels, tuple(counts))


def _channel(kind: str, rng: np.random.Generator) -> ChannelMeasurement:
    top = float(rng.uniform(58, 62)) if kind == "dose" else float(rng.uniform(500, 600))
    outliers = 0.0 if kind in ("dose", "mask") else float(rng.uniform(0.0, 0.01))
    shares = (0.3, 0.1, 0.0, 1.0, 0.05, 0.3, 0.9, 0.97)
    return ChannelMeasurement(*(top * share for share in shares), outliers)


def planned(
    kinds: Sequence[str] = ("mri", "dose"),
    n_cases: int = 12,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    name: str = "Dataset001_X",
) -> Planned:
    """A cohort, its plan, and what the parts of its network cost."""
    fingerprint, dataset = measured(kinds, n_cases, spacing, name)
    plan = make_plan(fingerprint, dataset, estimate, memory_gb=4.0)
    batch = plan.training.batch_size
    parts = stage_costs(plan.network, len(kinds), 2, plan.input_size, batch)
    return Planned(fingerprint, plan, parts)


@pytest.fixture(scope="session")
def make_planned():
    return planned


@pytest.fixture(scope="session")
def usual() -> Planned:
    """An MRI and a dose of twelve cases."""
    return planned()


def write_maps(folder: Path, image: Path) -> Iterator[SectionVolume]:
    """A map that speaks for the class all over the head, and one that speaks against it."""
    voxels, grid = read_image(image)
    for name, value in (("for it", 0.5), ("against it", -0.25)):
        file = f"{name}.nii.gz"
        write_image(folder / file, np.where(voxels > 0, value, 0).astype(np.float32), grid)
        yield SectionVolume(file, name, "log odds", f"In words, {name}.")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory, planned_cohort) -> Path:
    """Workspace of a planned cohort with results that no training made; not to be changed."""
    workspace = tmp_path_factory.mktemp("simulated") / "workspace"
    shutil.copytree(planned_cohort, workspace)
    paths = dataset_paths(NAME, workspace)
    raw = load_raw_dataset(paths.raw)
    folder = workspace / "predictions"
    simulate(paths, raw, documents.read(Plan, paths.plan()), folder)
    few = ["--n_bootstrap", "50"]
    assert evaluate.main([NAME, "--workspace", str(workspace), *few]) == 0
    truth = ["--truth", str(paths.raw / "cases.csv"), "-o", str(folder)]
    predictions = ["--predictions", str(folder / "predictions.csv")]
    assert evaluate.main([*predictions, *truth, *few]) == 0
    part = paths.run().folder / "explanation"
    part.mkdir()
    Image.new("L", (8, 8), 120).save(part / "mean.png")
    picture = SectionFigure("mean.png", "Mean map")
    case = next(case for case in raw.cases if case.case_id == MAPPED)
    volumes = {MAPPED: tuple(write_maps(part, raw.images(case)[0]))}
    content = ReportSection(
        "Occlusion", "In words.", (), (picture,), {"PH0001": (picture,)}, volumes=volumes
    )
    documents.write(part / "report_part.json", content)
    return workspace


@pytest.fixture(scope="session")
def reported(tmp_path_factory, simulated) -> Path:
    """Folder of a report; not to be changed."""
    output = tmp_path_factory.mktemp("reported") / "report"
    words = [NAME, "--workspace", str(simulated), "-o", str(output)]
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch.setattr)
        assert report.main([*words, "--predictions", str(simulated / "predictions")]) == 0
    return output
