"""The whole ablation of a dataset: train what is missing, predict, compare, perturb, collect."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from dataclasses import field
from pathlib import Path

from ricenet_v2.ablation import tables, test_predictions
from ricenet_v2.ablation.budget import BudgetRequest, TrainingBudget, budget_of
from ricenet_v2.ablation.channel_perturbation import PerturbationStage
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.importance import importances
from ricenet_v2.ablation.jobs import Outcome
from ricenet_v2.ablation.omitted import without_omitted
from ricenet_v2.ablation.published import published_for
from ricenet_v2.ablation.study_consistency import (
    check_budget,
    check_images,
    check_study,
    left_to_train,
)
from ricenet_v2.ablation.subsets import every_subset, named_subsets
from ricenet_v2.ablation.training import TrainingMachine, train_subsets
from ricenet_v2.ablation.values import Resampling
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.options import options
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.network.device import resolve_device
from ricenet_v2.records.ablation import Ablation, By, ChannelGroup, Importance, SourceTable, Subset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.metrics import Source
from ricenet_v2.records.ranges import Count, Index
from ricenet_v2.store.cases import state_of
from ricenet_v2.store.paths import CASES_CSV, ModelPaths
from ricenet_v2.store.positive import positive_of
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.preprocessed import records_of_plan
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader, cache_budget
from ricenet_v2.training.training_setup import TrainingSetup, chosen_folds, load_setup

logger = logging.getLogger(__name__)


@options
class AblationOptions:
    """Options of an ablation.

    Attributes:
        plan: Name of the plan.
        by: Unit of the groups.
        subsets: Names of the subsets; every one where empty.
        request: Epochs, seed and settings.
        machine: Machine that trainings run on.
        repeats: Number of permutations of each group; 0 leaves it out.
        drop: Whether each group is zeroed at prediction too.
        n_bootstrap: Samples of patients of every interval.
        sampling_seed: Random seed of these samples, and of the donors of permuted groups.
    """

    plan: str = "auto"
    by: By = "channel"
    subsets: tuple[str, ...] = ()
    request: BudgetRequest = field(default_factory=BudgetRequest)
    machine: TrainingMachine = field(default_factory=TrainingMachine)
    repeats: Index = 5
    drop: bool = False
    n_bootstrap: Count = 2000
    sampling_seed: Index = 0


def run_ablation(
    dataset: str, options: AblationOptions, workspace: Path | None = None
) -> tuple[Ablation, ModelPaths]:
    """Train every subset that is not trained yet, and put the ablation together.

    Args:
        dataset: Id, name, or path of the raw dataset folder.
        options: Options of the user.
        workspace: Holds raw/, preprocessed/ and results/.

    Returns:
        The ablation, and the full model, in whose folder its pages belong.

    Raises:
        RicenetError: The dataset is not planned; a subset is not of its groups, or cases lack the
            channels of every subset; an existing model was trained differently, or on what has
            changed since; the full model failed; or the user requested a stop.
    """
    process_group = ProcessGroup(0, 1, resolve_device(options.machine.device))
    setup = load_setup(dataset, options.plan, workspace, TrainOptions(), process_group)
    chosen_folds("all", setup.splits.n_folds)  # refuses a dataset without any
    groups, requested = _what(setup, options)
    check_study(setup, requested)
    budget = budget_of(setup.paths, setup.plan, options.request)
    check_budget(setup.paths, requested, budget)
    # What is missing is found out now, not after hours of training.
    test = _test_records(setup)
    subsets, omitted = without_omitted(setup, requested, test)
    left = left_to_train(setup.paths, subsets, setup.splits.n_folds)
    n_all = len(subsets) * setup.splits.n_folds
    logger.info("%d of %d trainings are already finished.", n_all - len(left), n_all)
    check_images(setup)
    outcomes = train_subsets(setup, budget, left, options.machine)
    done, failed = _done(subsets, outcomes)
    # Other machines may have seen other files, and all of them may have changed in the meantime.
    check_study(setup, done)
    check_budget(setup.paths, done, budget)
    source_tables = _tables(setup, budget, groups, done, test, options)
    dataset_record = setup.dataset
    is_of_paper = options.by == "channel"
    ablation = Ablation(
        dataset=setup.paths.name,
        plan=setup.plan.name,
        by=options.by,
        groups=groups,
        full=done[0].name,
        subsets=tuple(done),
        epochs=budget.epochs,
        seed=budget.seed,
        positive_class=dataset_record.classes[_positive_index(setup, done[0])],
        tables=tuple(source_tables),
        level=Resampling(0).level,
        n_bootstrap=options.n_bootstrap,
        failed=tuple(failed),
        published=published_for(setup.dataset.channels) if is_of_paper else (),
        omitted=omitted,
    )
    models = [setup.paths.model(subset.model) for subset in done]
    return with_selection(ablation, models), models[0]


def _what(
    setup: TrainingSetup, options: AblationOptions
) -> tuple[tuple[ChannelGroup, ...], tuple[Subset, ...]]:
    channels = setup.dataset.channels
    names = [channel.name for channel in channels]
    groups = groups_of(channels, options.by)
    if options.subsets:
        return groups, named_subsets(groups, names, setup.plan.name, options.subsets)
    return groups, every_subset(groups, names, setup.plan.name)


def _test_records(setup: TrainingSetup) -> list[PreprocessedCase]:
    """Records of the preprocessed test cases.

    Raises:
        PlanError: They are made by another state of the plan, or not made.
    """
    cases = [case.case_id for case in setup.cases if case.split == "test"]
    return records_of_plan(setup.paths.cases(setup.plan.name), sorted(cases), setup.plan)


def _done(subsets: Sequence[Subset], outcomes: Iterable[Outcome]) -> tuple[list[Subset], list[str]]:
    """The subsets whose folds are all trained, and a text for each training that failed.

    Raises:
        TrainingError: The full model is not among them.
    """
    faults = [outcome for outcome in outcomes if outcome.error is not None]
    failed = {outcome.subset for outcome in faults}
    failures = [f"{fault.subset}, fold {fault.fold}: {fault.error}" for fault in faults]
    if subsets[0].name in failed:
        raise TrainingError(
            "The model of all channels could not be trained, so no subset can be compared with it.",
            got="\n    " + "\n    ".join(failures),
        )
    return [subset for subset in subsets if subset.name not in failed], failures


def _positive_index(setup: TrainingSetup, full: Subset) -> int:
    """Index of the positive class of the full model, kept from its training."""
    name = positive_of(setup.paths.model(full.model), setup.paths.raw)
    classes = setup.dataset.classes
    return classes.index(name) if name in classes else setup.dataset.positive_index


def _tables(
    setup: TrainingSetup,
    budget: TrainingBudget,
    groups: Sequence[ChannelGroup],
    subsets: Sequence[Subset],
    test: Sequence[PreprocessedCase],
    options: AblationOptions,
) -> list[SourceTable]:
    paths = setup.paths
    how = Resampling(_positive_index(setup, subsets[0]), options.n_bootstrap, options.sampling_seed)
    known = tables.out_of_fold(paths, subsets, paths.name)
    truths = next(iter(known.runs.values()))
    majority = int(truths.counts.sum(axis=1).argmax())
    parts: list[tuple[Source, AlignedRuns]] = [("out-of-fold", known)]
    if test:
        device = options.machine.device
        files = test_predictions.predict_test(paths, budget.plan, subsets, test, device)
        parts.append(("test", tables.of_test(files, paths.raw / CASES_CSV)))
    source_tables = []
    for source, aligned in parts:
        table = tables.table_of(source, aligned, subsets, groups, majority, how)
        losses = _importances(setup, subsets[0], groups, table, aligned, how, options)
        source_tables.append(dataclasses.replace(table, importances=losses))
    return source_tables


def _importances(
    setup: TrainingSetup,
    full: Subset,
    groups: Sequence[ChannelGroup],
    table: SourceTable,
    aligned: AlignedRuns,
    how: Resampling,
    options: AblationOptions,
) -> tuple[Importance, ...]:
    """Importances by each fold's network on its validation cases; by the ensemble on test cases."""
    folder = setup.paths.cases(setup.plan.name)
    truths = aligned.runs[full.name]
    patients = dict(zip(truths.case_ids, truths.patients, strict=True))
    model = setup.paths.model(full.model).folder
    device = options.machine.device
    if table.source == "test":
        sides = [(load_ensemble(model, device=device), truths.case_ids)]
    else:
        folds = enumerate(setup.splits.folds[: setup.splits.n_folds])
        sides = [(load_ensemble(model, [n], device=device), fold.validation) for n, fold in folds]
    stages = [
        PerturbationStage(ensemble, tuple(cases), tuple(patients[case] for case in cases))
        for ensemble, cases in sides
    ]
    names = [channel.name for channel in setup.plan.channels]
    records = records_of_plan(folder, truths.case_ids, setup.plan)
    states = {record.case_id: state_of(record) for record in records}
    read = CaseReader(
        folder, range(len(names)), cache_budget(options.machine.cache_gb), truths.case_ids, states
    )
    chosen = [(group, [names.index(name) for name in group.channels]) for group in groups]
    return importances(
        stages, truths, chosen, read, how, repeats=options.repeats, drop=options.drop
    )
