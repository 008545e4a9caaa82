"""The cohorts that studies train on: the phantom at the size of the paper, and AdrenalMNIST3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.cli import plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.ingest.medmnist import convert_medmnist3d
from ricenet_v2.phantom import cohort as phantom
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths

PHANTOM = phantom.NAME
ADRENAL = "Dataset010_AdrenalMNIST3D"


@dataclass(frozen=True)
class Cohort:
    """A planned dataset."""

    name: str
    paths: DatasetPaths
    raw: RawDataset
    plan: Plan
    splits: Splits

    def runs(self, variant: str, seed: int) -> DatasetPaths:
        """Folder of the folds of a variant and seed."""
        folder = self.paths.results / variant.replace(" ", "_") / f"seed_{seed}"
        return DatasetPaths(self.name, self.paths.raw, self.paths.preprocessed, folder)


def cohort(
    workspace: Path,
    name: str,
    npz: Path | None,
    shape: Sequence[int],
    spacing: float | None,
    preset: str,
    seed: int = 0,
) -> Cohort:
    """Make, plan and preprocess a cohort, where that is not done yet.

    Args:
        workspace: Where.
        name: Name of the dataset.
        npz: AdrenalMNIST3D.
        shape: Voxels of the phantom.
        spacing: mm between the voxels of AdrenalMNIST3D; None leaves it to the plan.
        preset: Preset of the plan.
        seed: Seed of the phantom.
    """
    raw = workspace / "raw" / name
    if name == PHANTOM:
        z, y, x = shape
        head = (180.0 / z, 216.0 / y, 180.0 / x)  # the head fills the grid at any size
        phantom.write_cohort(raw, cases=80, test_cases=12, shape=(z, y, x), spacing=head, seed=seed)
    elif not (raw / "dataset.json").is_file():
        if npz is None:
            raise SystemExit("Name adrenalmnist3d.npz with --npz, or leave the cohort out.")
        convert_medmnist3d(npz, raw)
    words = [name, "--workspace", str(workspace), "--preset", preset]
    if spacing is not None and name == ADRENAL:
        words += ["--spacing", *[str(spacing)] * 3]
    if plan_and_preprocess.main(words):
        raise SystemExit(f"{name} could not be planned.")
    paths = dataset_paths(name, workspace)
    plan, splits = documents.read(Plan, paths.plan(preset)), documents.read(Splits, paths.splits)
    return Cohort(name, paths, load_raw_dataset(raw), plan, splits)
