"""Files and folders of a dataset and its models; with `fold_paths` the only place of names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.names import folder_part, number, part
from ricenet_v2.store.fold_paths import VALIDATION_CSV, FoldPaths

DATASET_JSON = "dataset.json"
INGEST_JSON = "ingest.json"
CASES_CSV = "cases.csv"
PREDICTIONS_CSV = "predictions.csv"
PREDICTIONS_JSON = "predictions.json"
METRICS_JSON = "metrics.json"
METRICS_CSV = "metrics.csv"
FORMER_METRICS_JSON = "figures.json"
FORMER_METRICS_CSV = "figures.csv"
CURVES_JSON = "curves.json"
CURVES_CSV = "curves.csv"
SANITY_JSON = "sanity.json"
COMPARISON_JSON = "comparison.json"
COMPARISON_CSV = "comparison.csv"
EXPLANATION_JSON = "explanation.json"
EXPLANATION_CSV = "explanation.csv"
REPORT_JSON = "report.json"
REPORT_PART_JSON = "report_part.json"
CENTRES_JSON = "centres.json"
CENTRES_CSV = "centres.csv"
SEEDS_JSON = "seeds.json"
SEEDS_CSV = "seeds.csv"
ABLATION_JSON = "ablation.json"
ABLATION_CSV = "ablation.csv"

FULL = "full"
"""Value in place of a fold: a network of all training cases, with its own model folder."""
_PLAN = "ricenet_plan"
_SEED, _FULL = "__seed", f"__{FULL}"
_LONGEST_LABEL = 100  # bytes


@dataclass(frozen=True)
class ModelPaths:
    """Files of one trained model: the folds of one plan and one set of channels."""

    folder: Path

    @property
    def plan(self) -> Path:
        """The plan as it was trained."""
        return self.folder / "plan.json"

    @property
    def dataset(self) -> Path:
        """Description of the dataset."""
        return self.folder / DATASET_JSON

    @property
    def ingest(self) -> Path:
        """Settings of the conversion; missing if it was done by other means."""
        return self.folder / INGEST_JSON

    @property
    def calibration(self) -> Path:
        """Temperature of ricenet_calibrate."""
        return self.folder / "calibration.json"

    @property
    def fusion(self) -> Path:
        """Regression of ricenet_fuse on the network and covariates."""
        return self.folder / "fusion.json"

    @property
    def fused(self) -> Path:
        """Folder of the out-of-fold predictions of that regression, and of their metrics."""
        return self.folder / "fused"

    @property
    def report(self) -> Path:
        """Folder of the report where no other is named."""
        return self.folder / "report"

    @property
    def features(self) -> Path:
        """Features of each case for a tabular comparator."""
        return self.folder / "features.csv"

    @property
    def predictions(self) -> Path:
        """Folder of a tabular comparator's predictions of the test cases."""
        return self.folder / "predictions"

    @property
    def test(self) -> Path:
        """Folder of ricenet_ablate's predictions of the test cases."""
        return self.folder / "ablation_test"

    def ablation(self, by: str, subsets: Sequence[str] = ()) -> Path:
        """Folder of what ricenet_ablate found out by channel, kind or time point.

        Args:
            by: Unit of the groups: channel, kind or time point.
            subsets: Names of the subsets where they were named; other ones have another folder.
        """
        label = ",".join(subsets)
        if len(label.encode()) > _LONGEST_LABEL:
            label = f"{len(subsets)}_subsets_{sha256_of_text(label)[:12]}"
        return self.folder / part("_".join(filter(None, ("ablation", by, label))), "subset")

    @property
    def crossval(self) -> Path:
        """Folder of pooled out-of-fold results."""
        return self.folder / "crossval"

    def pooled(self, repeat: int = 0) -> Path:
        """Out-of-fold predictions of all folds of a repeat."""
        name = VALIDATION_CSV if repeat == 0 else f"validation_repeat_{repeat}.csv"
        return self.crossval / name

    @property
    def full(self) -> ModelPaths:
        """The network of all training cases that belongs to these folds."""
        name, _, seed = self.folder.name.partition(_SEED)
        ending = f"{_SEED}{seed}" if seed else ""
        return ModelPaths(self.folder.with_name(f"{full_label(name)}{ending}"))

    def fold(self, fold: int) -> FoldPaths:
        """Files of one fold, whether or not they exist."""
        return FoldPaths(self.folder / f"fold_{fold}")

    def folds(self) -> tuple[int, ...]:
        """Numbers of the folds that exist, ascending."""
        numbers = (number(entry.name.removeprefix("fold_")) for entry in self.folder.glob("fold_*"))
        return tuple(sorted(fold for fold in numbers if fold is not None))


@dataclass(frozen=True)
class DatasetPaths:
    """Folders of one dataset: raw, preprocessed, results."""

    name: str
    raw: Path
    preprocessed: Path
    results: Path

    @property
    def fingerprint(self) -> Path:
        """Fingerprint of the dataset."""
        return self.preprocessed / "dataset_fingerprint.json"

    @property
    def measurements(self) -> Path:
        """Folder of the measurements of single cases."""
        return self.preprocessed / "measurements"

    @property
    def radiomics(self) -> Path:
        """Folder of the radiomic features of single cases."""
        return self.preprocessed / "radiomics"

    @property
    def splits(self) -> Path:
        """The folds."""
        return self.preprocessed / "splits_final.json"

    @property
    def integrity(self) -> Path:
        """Findings of the integrity check."""
        return self.preprocessed / "integrity.json"

    def plan(self, plan_name: str = "auto") -> Path:
        """The plan of that name."""
        return self.preprocessed / part(f"{_PLAN}{_ending(plan_name)}.json", "plan")

    @property
    def plan_names(self) -> tuple[str, ...]:
        """Names of the plans that exist, in order; `auto` first."""
        stems = sorted(file.stem for file in self.preprocessed.glob(f"{_PLAN}_*.json"))
        further = tuple(stem.removeprefix(f"{_PLAN}_") for stem in stems)
        return ("auto", *further) if self.plan().is_file() else further

    def ingest(self, plan_name: str = "auto") -> Path:
        """Settings of the conversion of the cases that the plan of that name preprocessed."""
        return self.preprocessed / part(f"ingest{_ending(plan_name)}.json", "plan")

    def page(self, plan_name: str = "auto") -> Path:
        """The plan of that name as a page to read."""
        return self.preprocessed / part(f"plan{_ending(plan_name)}.html", "plan")

    def cases(self, plan_name: str = "auto") -> Path:
        """Folder of the preprocessed cases of that plan."""
        return self.preprocessed / part(plan_name, "plan")

    def run(
        self,
        plan_name: str = "auto",
        channels: str = "all",
        seed: int | None = None,
        *,
        full: bool = False,
    ) -> ModelPaths:
        """Results of a plan trained on some channels.

        Args:
            plan_name: Name of the plan.
            channels: `all`, or names joined with `+`.
            seed: A further training seed, which has a folder of its own; None for the folder of
                a training without `--seeds`.
            full: Whether the run is a network of all training cases instead of a fold.
        """
        channels = full_label(channels) if full else channels
        ending = "" if seed is None else f"{_SEED}{seed}"
        return self.model(f"{part(plan_name, 'plan')}__{channels}{ending}")

    def model(self, name: str) -> ModelPaths:
        """Results of the model whose folder has this name."""
        return ModelPaths(self.results / folder_part(name, "model"))

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the folders of models that exist, in order."""
        return model_names(self.results)

    def further_seeds(self, plan_name: str = "auto", channels: str = "all") -> tuple[int, ...]:
        """Seeds that have a folder of their own, ascending."""
        start = f"{plan_name}__{channels}{_SEED}"
        entries = self.results.iterdir() if self.results.is_dir() else ()
        texts = (
            entry.name.removeprefix(start) for entry in entries if entry.name.startswith(start)
        )
        numbers = (number(text) for text in texts)
        return tuple(sorted(seed for seed in numbers if seed is not None))


def model_names(results: Path) -> tuple[str, ...]:
    """Names of the folders of models in the results of a dataset, in order."""
    return tuple(sorted(path.name for path in results.glob("*__*") if path.is_dir()))


def _ending(plan_name: str) -> str:
    """Ending of the names of the files of a plan."""
    return "" if plan_name == "auto" else f"_{plan_name}"


def full_label(channels: str) -> str:
    """Label of the channels of a model in the name of the folder of its network of all cases."""
    return channels if channels.endswith(_FULL) else f"{channels}{_FULL}"
