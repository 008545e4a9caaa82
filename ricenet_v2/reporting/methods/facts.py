"""Content of the files of a model, as far as sentences of the report use it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ricenet_v2.core import documents
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.records.selection import FoldEnd
from ricenet_v2.records.splits import Splits
from ricenet_v2.reporting.results.predicted import Result
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.store.fitted_on import changed_since
from ricenet_v2.store.paths import EXPLANATION_JSON


@dataclass(frozen=True)
class FoldFacts:
    """One trained fold.

    Attributes:
        number: Number of the fold.
        run: Its run.json.
        done: Finished epochs, of run.json or else of history.csv; None where neither has them.
    """

    number: int
    run: Run
    done: int | None

    @property
    def end(self) -> FoldEnd:
        """Last epoch and state of the fold."""
        return FoldEnd(self.number, self.run.epochs, self.done)

    @property
    def is_finished(self) -> bool:
        """Whether it ended by itself."""
        return self.run.is_finished


@dataclass(frozen=True)
class Facts:
    """All that sentences are derived from; None and empty where a file is missing.

    Attributes:
        dataset: dataset.json.
        cases: Rows of cases.csv by case id.
        plan: The plan as trained, else as planned.
        planned: The plan on disk, if there is one.
        folds: run.json of each trained fold.
        splits: splits_final.json.
        stored: Preprocessed cases by what their crop followed.
        channel_counts: Preprocessed cases by how many channels they hold.
        results: Out-of-fold predictions first, then folders of predictions.
        calibration: calibration.json.
        moved_calibration: Files that it was fitted on and that are others now.
        centres: centres.json.
        seeds: seeds.json, where it holds for the predictions that are there.
        comparisons: comparison.json by its folder.
        fingerprint: Fingerprint of the dataset.
        integrity: Findings of the check of the dataset.
        sections: Titles of the sections that other commands wrote.
        explanations: Titles of the sections that ricenet_explain wrote.
    """

    dataset: Dataset
    cases: Mapping[str, Case] = field(default_factory=dict)
    plan: Plan | None = None
    planned: Plan | None = None
    folds: tuple[FoldFacts, ...] = ()
    splits: Splits | None = None
    stored: Mapping[str, int] = field(default_factory=dict)
    channel_counts: Mapping[int, int] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    calibration: Calibration | None = None
    moved_calibration: tuple[str, ...] = ()
    centres: Centres | None = None
    seeds: SeedVariance | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    integrity: Integrity | None = None
    sections: tuple[str, ...] = ()
    explanations: tuple[str, ...] = ()

    @property
    def is_network(self) -> bool:
        """Whether the model is networks, which have a plan, and no table's regression."""
        return self.plan is not None

    @property
    def model(self) -> str:
        """Kind of model that a fold trained, as a noun."""
        return "network" if self.is_network else "model"

    @property
    def out_of_fold(self) -> Result | None:
        """The predictions of validation cases."""
        return next((result for result in self.results if result.is_out_of_fold), None)

    @property
    def folders(self) -> tuple[Result, ...]:
        """The folders of predictions."""
        return tuple(result for result in self.results if not result.is_out_of_fold)

    @property
    def finished(self) -> tuple[FoldFacts, ...]:
        """The folds that ended by themselves."""
        return tuple(fold for fold in self.folds if fold.is_finished)

    @property
    def n_folds(self) -> int:
        """Folds that the model was to have, by run.json, else by splits_final.json."""
        if self.folds:
            return max(fold.run.n_folds for fold in self.folds)
        return len(self.splits.folds) if self.splits is not None else 0

    @property
    def repeats(self) -> int:
        """Number of divisions of all cases into folds."""
        return max((fold.run.repeats for fold in self.folds), default=1)

    @property
    def is_full(self) -> bool:
        """Whether it is a network of all training cases, which held none out."""
        return any(fold.run.is_full for fold in self.folds)

    @property
    def untrained(self) -> tuple[int, ...]:
        """Folds without a run.json, of a model of which some fold has one."""
        trained = {fold.number for fold in self.folds}
        return tuple(n for n in range(self.n_folds) if n not in trained) if trained else ()

    def of_split(self, split: str) -> tuple[Case, ...]:
        """Cases of `train` or `test`."""
        return tuple(case for case in self.cases.values() if case.split == split)

    @cached_property
    def foreign_folds(self) -> tuple[int, ...]:
        """Folds that were not trained by the plan that stands in plan.json."""
        if self.plan is None:
            return ()
        return tuple(fold.number for fold in self.folds if not _is_by(self.plan, fold.run))

    @cached_property
    def moved_folds(self) -> tuple[int, ...]:
        """Folds that were trained on other cases, labels or patients than the files have now."""
        if self.splits is None or not self.cases:
            return ()
        labels = {name: case.label for name, case in self.cases.items()}
        patients = {name: case.patient_id for name, case in self.cases.items()}
        changed = []
        for fold in () if self.is_full else self.folds:
            recorded = self.splits.folds[fold.number : fold.number + 1]
            if (
                not recorded
                or not {*recorded[0].train, *recorded[0].validation} <= set(self.cases)
                or (
                    fold.run.fold_hash
                    and fold.run.fold_hash != recorded[0].hash_with(labels, patients)
                )
            ):
                changed.append(fold.number)
        return tuple(changed)


def _is_by(plan: Plan, run: Run) -> bool:
    """Whether a run is of this plan, but for the number of epochs, which folds may differ in."""
    training = dataclasses.replace(plan.training, epochs=run.epochs)
    return documents.fingerprint_of(dataclasses.replace(plan, training=training)) == run.plan_hash


def facts_of(sources: Sources) -> Facts:
    """The facts of a model's files."""
    records = sources.preprocessed.values()
    return Facts(
        dataset=sources.dataset,
        cases=sources.cases,
        plan=sources.plan,
        planned=sources.planned,
        folds=tuple(
            FoldFacts(fold.number, fold.run, _done(fold.run, len(fold.epochs)))
            for fold in sources.folds
        ),
        splits=sources.splits,
        stored=Counter(record.region for record in records),
        channel_counts=Counter(record.shape[0] for record in records),
        results=sources.results,
        calibration=sources.calibration,
        moved_calibration=_moved_calibration(sources),
        centres=sources.centres,
        seeds=sources.seeds,
        comparisons=sources.comparisons,
        fingerprint=sources.fingerprint,
        integrity=sources.integrity,
        sections=tuple(part.content.title for part in sources.parts),
        explanations=tuple(
            part.content.title
            for part in sources.parts
            if (part.folder / EXPLANATION_JSON).is_file()
        ),
    )


def _done(run: Run, n_rows: int) -> int | None:
    if run.epochs_done is not None:
        return run.epochs_done
    return n_rows or None


def _moved_calibration(sources: Sources) -> tuple[str, ...]:
    """Tables of predictions that were made again since a calibration was fitted on them."""
    fitted = sources.calibration
    return () if fitted is None else changed_since(sources.model, fitted.fitted_on)
