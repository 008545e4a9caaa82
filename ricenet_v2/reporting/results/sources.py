"""All that was written about a trained model, read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core import documents
from ricenet_v2.core.documents import Document
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.inference.recalibration import read_calibration
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.records.splits import Splits
from ricenet_v2.reporting.results.predicted import Result, of_folder
from ricenet_v2.reporting.results.report_sections import (
    SectionFolder,
    comparisons,
    further_folders,
    hashes_of,
    parts_of,
)
from ricenet_v2.reporting.results.validation import described, out_of_fold
from ricenet_v2.store.case_table import rows_by_id
from ricenet_v2.store.cases import readable_records
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.history import read_history
from ricenet_v2.store.paths import (
    CASES_CSV,
    CENTRES_JSON,
    COMPARISON_JSON,
    DATASET_JSON,
    REPORT_PART_JSON,
    SEEDS_JSON,
    DatasetPaths,
    ModelPaths,
)
from ricenet_v2.store.raw import RawDataset, load_raw_dataset

D = TypeVar("D", bound=Document)

_SHOWN = "[!.]*.*"
"""Hidden files are being written, or are locks."""


@dataclass(frozen=True)
class TrainedFold:
    """One trained fold: its record and its epochs."""

    number: int
    run: Run
    epochs: tuple[EpochRow, ...]


@dataclass(frozen=True)
class Sources:
    """Sources of a report; None and empty if a file is missing.

    Attributes:
        paths: Paths of the dataset.
        model: Paths of the trained model.
        dataset: Description.
        raw: The raw dataset, where it lies on this machine.
        cases: Rows of cases.csv by case id.
        plan: The plan as trained, else as planned.
        planned: The plan on disk, before a training changed settings.
        fingerprint: Fingerprint of the dataset.
        integrity: Findings of the check.
        splits: The folds.
        preprocessed: Records of preprocessed cases by case id.
        folds: The trained folds.
        results: Out-of-fold first, then the prediction folders.
        calibration: Calibration of the model by ricenet_calibrate.
        centres: centres.json, of folds that hold out a value of a column each.
        seeds: seeds.json of the trainings of this model with several seeds; None where these
            are others than those whose predictions lie there now.
        seeds_file: Path of a seeds.json that names this model, whether it fits or not.
        comparisons: Comparisons by the path of their folder, e.g. `predictions/compared`.
        parts: Sections of other commands, in their order.
        inputs: SHA-256 of every document and table that was read.
    """

    paths: DatasetPaths
    model: ModelPaths
    dataset: Dataset
    raw: RawDataset | None
    cases: dict[str, Case]
    plan: Plan | None
    planned: Plan | None
    fingerprint: Fingerprint | None
    integrity: Integrity | None
    splits: Splits | None
    preprocessed: dict[str, PreprocessedCase]
    folds: tuple[TrainedFold, ...]
    results: tuple[Result, ...]
    calibration: Calibration | None
    centres: Centres | None
    seeds: SeedVariance | None
    seeds_file: Path | None
    comparisons: dict[str, Comparison]
    parts: tuple[SectionFolder, ...]
    inputs: dict[str, str]

    @property
    def planned_epochs(self) -> int | None:
        """Epochs of the plan on disk."""
        return None if self.planned is None else self.planned.training.epochs


def read_sources(
    paths: DatasetPaths,
    plan: str,
    channels: str,
    predictions: Sequence[Path],
    elsewhere: Sequence[Path] = (),
) -> Sources:
    """Read all documents of a model that there are.

    Args:
        paths: Paths of the dataset.
        plan: Name of the plan.
        channels: Label of the channels.
        predictions: Folders of predictions.
        elsewhere: Folders of parts and comparisons outside of the model and the predictions.

    Raises:
        DatasetError: The model was not trained; a prediction folder holds none, or has the name of
            another; a folder of parts holds none.
        DocumentError: A document is damaged, or written by a newer version.
    """
    names = [folder.resolve().name for folder in predictions]
    if len(set(names)) < len(names):
        raise DatasetError(
            "Folders of predictions must have different names.",
            expected="different names",
            got=", ".join(str(folder) for folder in predictions),
        )
    model = paths.run(plan, channels)
    if not model.folder.is_dir():
        raise DatasetError(
            "This model has no results.",
            file=model.folder,
            expected="folds trained by ricenet_train",
            got=", ".join(paths.model_names) or "no models",
            remedy=f"Train it with ricenet_train {paths.name} all, or choose another one with "
            "--plan and --channels.",
        )
    raw = load_raw_dataset(paths.raw) if (paths.raw / CASES_CSV).is_file() else None
    dataset = described(paths, raw, model)
    cases = rows_by_id(raw.cases, paths.raw / CASES_CSV) if raw is not None else {}
    before = _either(Plan, paths.plan(plan))
    preprocessed = readable_records(paths.cases(plan), cases)
    candidates = [out_of_fold(model, dataset.classes, cases)]
    results = [result for result in candidates if result is not None]
    inputs = _hashes(paths, model, plan, predictions)
    cases_hash = inputs.get(f"raw/{CASES_CSV}", "")
    splits, folds = _either(Splits, paths.splits), tuple(_folds(model))
    # A network of all training cases is of none of the folds.
    of_folds = splits if splits is not None and splits.folds else None
    of_folds = None if any(fold.run.is_full for fold in folds) else of_folds
    results += [
        _folder(folder, cases, preprocessed, dataset, cases_hash, of_folds)
        for folder in predictions
    ]
    seeds, seeds_file = _seeds(paths, model)
    if seeds_file is not None:
        inputs[f"results/{_below(seeds_file, model)}"] = sha256_of_file(seeds_file)
    further = further_folders(elsewhere, [model.folder, *predictions])
    inputs |= hashes_of(further)
    return Sources(
        paths=paths,
        model=model,
        dataset=dataset,
        raw=raw,
        cases=cases,
        plan=_either(Plan, model.plan) or before,
        planned=before,
        fingerprint=_either(Fingerprint, paths.fingerprint),
        integrity=_either(Integrity, paths.integrity),
        splits=splits,
        preprocessed=preprocessed,
        folds=folds,
        results=tuple(results),
        calibration=read_calibration(model) if model.calibration.is_file() else None,
        centres=_either(Centres, model.crossval / CENTRES_JSON),
        seeds=seeds,
        seeds_file=seeds_file,
        comparisons=comparisons([model.folder, *predictions, *further]),
        parts=parts_of(model.folder, results, further),
        inputs=inputs,
    )


def _folder(
    folder: Path,
    cases: dict[str, Case],
    preprocessed: dict[str, PreprocessedCase],
    dataset: Dataset,
    cases_hash: str,
    splits: Splits | None,
) -> Result:
    try:
        result = of_folder(folder, cases, preprocessed, cases_hash, splits)
    except DocumentError as error:
        raise DatasetError(
            "This is not a folder of predictions.",
            file=folder,
            expected="predictions.json, as ricenet_predict -o FOLDER writes it",
            got=error.what,
        ) from error
    assert result.predictions is not None
    if result.predictions.classes != dataset.classes:
        raise DatasetError(
            "The classes of these predictions differ from those of the dataset.",
            file=folder,
            expected=", ".join(dataset.classes),
            got=", ".join(result.predictions.classes),
        )
    return result


def _either(kind: type[D], *paths: Path) -> D | None:
    """The first of these documents that is there."""
    return next((documents.read(kind, path) for path in paths if path.is_file()), None)


def _seeds(paths: DatasetPaths, model: ModelPaths) -> tuple[SeedVariance | None, Path | None]:
    """The variance over seeds that lies beside the metrics of one of the seeds.

    It holds for this model only where its predictions are those that were compared.
    """
    name = model.folder.name
    existing = {
        f"{name}/{file.parent.name}/{file.name}": sha256_of_file(file)
        for file in (model.fold(fold).validation for fold in model.folds())
        if file.is_file()
    }
    for path in sorted(paths.results.glob(f"*/{model.crossval.name}/{SEEDS_JSON}")):
        variance = documents.read(SeedVariance, path)
        if name in variance.models:
            compared = {k: v for k, v in variance.predictions.items() if k.startswith(f"{name}/")}
            return (variance if compared == existing else None), path
    return None, None


def _below(path: Path, model: ModelPaths) -> str:
    """Path relative to the model's folder; for a file of another seed, to the folder above."""
    base = model.folder if path.is_relative_to(model.folder) else model.folder.parent
    return path.relative_to(base).as_posix()


def _folds(model: ModelPaths) -> Iterator[TrainedFold]:
    for number, run in runs_of(model).items():
        history = model.fold(number).history
        yield TrainedFold(number, run, read_history(history) if history.is_file() else ())


def _hashes(
    paths: DatasetPaths, model: ModelPaths, plan: str, predictions: Sequence[Path]
) -> dict[str, str]:
    """SHA-256 of documents and tables; images and weights have their hashes in these."""
    named = {
        "raw": [paths.raw / DATASET_JSON, paths.raw / CASES_CSV],
        "preprocessed": [paths.fingerprint, paths.integrity, paths.splits, paths.plan(plan)],
        "results": [
            model.plan,
            model.dataset,
            model.calibration,
            *sorted(model.folder.glob("fold_*/run.json")),
            *sorted(model.folder.glob("fold_*/[!.]*.csv")),
            *sorted(model.crossval.glob(_SHOWN)),
            *sorted(model.folder.glob(f"*/{REPORT_PART_JSON}")),
            *sorted(set(model.folder.glob(f"*/{COMPARISON_JSON}")) - set(model.crossval.glob("*"))),
        ],
    }
    bases = {"raw": paths.raw, "preprocessed": paths.preprocessed, "results": model.folder}
    for folder in predictions:
        name = folder.resolve().name
        bases[name] = folder
        named[name] = sorted(path for path in folder.glob(_SHOWN) if path.is_file())
    return {
        f"{kind}/{path.relative_to(bases[kind]).as_posix()}": sha256_of_file(path)
        for kind, files in named.items()
        for path in files
        if path.is_file()
    }
