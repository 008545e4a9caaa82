"""Putting together what a fold needs before it is trained."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.lineage import distinguishing, identifying
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Fold
from ricenet_v2.store import cases as store
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.fold_remedy import read_run
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.training.batch_partition import check_sharing
from ricenet_v2.training.job import Job
from ricenet_v2.training.map_size import check_map_size
from ricenet_v2.training.options import TrainOptions, effective_plan, with_epochs
from ricenet_v2.training.preprocessed import (
    check_described,
    intensities,
    mask_labels,
    records_of_plan,
    sizes,
)
from ricenet_v2.training.reader import CaseReader, cache_budget
from ricenet_v2.training.training_setup import TrainingSetup


def prepare(setup: TrainingSetup, fold: int) -> Job:
    """Put together what a fold needs.

    Args:
        setup: What the folds share.
        fold: Number of the fold.

    Raises:
        TrainingError: No such fold, or the processes cannot share its updates.
        PlanError: Cases of the fold were preprocessed by another plan, or not at all, or
            dataset.json is not that of the plan.
    """
    plan, splits, options = setup.plan, setup.splits, setup.options
    if not 0 <= fold < len(splits.folds):
        raise TrainingError(
            "There is no such fold.", expected=f"0 to {len(splits.folds) - 1}", got=fold
        )
    check_described(plan, setup.dataset, setup.paths.raw / DATASET_JSON)
    used = effective_plan(plan, options)
    names = [channel.name for channel in plan.channels]
    indices = [names.index(channel.name) for channel in used.channels]
    model, chosen, folder = setup.model, splits.folds[fold], setup.paths.cases(plan.name)
    records = records_of_plan(folder, (*chosen.train, *chosen.validation), plan)
    test = tuple(case.case_id for case in setup.cases if case.split == "test")
    requested = test if options.pretrained_weights is not None else ()
    tested = [store.read_record(folder, case) for case in requested if store.has_case(folder, case)]
    images = {each.case_id: identifying(each, plan.channels) for each in (*records, *tested)}
    patients = {case.case_id: case.patient_id for case in setup.cases}
    labels = {case.case_id: case.label for case in setup.cases}
    job = Job(
        model=model,
        paths=model.fold(fold),
        dataset=setup.dataset,
        plan=_with_epochs_of_run(used, model.fold(fold), options),
        labels=labels,
        patients=patients,
        train=chosen.train,
        validation=chosen.validation,
        reader=_reader(setup, indices, chosen, records),
        fold=fold,
        n_folds=len(splits.folds),
        group=splits.group,
        held_out=chosen.held_out,
        options=options,
        process_group=setup.process_group,
        inputs=store.cases_hash(records),
        intensities=intensities(records, chosen.train),
        directions=tuple(r.source_direction for r in records if r.case_id in set(chosen.train)),
        sizes=sizes(records, chosen.train),
        labels_of_masks=mask_labels(records, chosen.train),
        test=test,
        images=distinguishing(images, patients),
        is_corrected=not _began_uncorrected(model.fold(fold), options),
        fold_hashes=tuple(each.hash_with(labels, patients) for each in splits.folds),
    )
    check_sharing(job.share, job.plan, job.device.type)
    check_map_size(job)
    return job


def _reader(
    setup: TrainingSetup, channels: Sequence[int], fold: Fold, records: Sequence[PreprocessedCase]
) -> CaseReader:
    """Each process of a process group keeps cases of its own, so they share the budget out."""
    budget = cache_budget(setup.options.cache_gb) // setup.process_group.size
    # A contact sheet reads each case once.
    cases = () if setup.options.preview_only else (*fold.train, *fold.validation)
    states = {each.case_id: store.state_of(each) for each in records}
    folder = setup.paths.cases(setup.plan.name)
    return CaseReader(folder, channels, budget, cases, states)


def _began_uncorrected(paths: FoldPaths, options: TrainOptions) -> bool:
    """Whether a fold goes on that a version began which did not correct for the prior."""
    if not options.resume or not paths.run.is_file():
        return False
    run = read_run(paths)
    named = options.epochs or options.overrides.get("epochs", run.epochs)
    is_trained = run.is_finished and paths.final.is_file() and str(named) == str(run.epochs)
    return run.prior is None and (is_trained or paths.latest.is_file())


def _with_epochs_of_run(plan: Plan, paths: FoldPaths, options: TrainOptions) -> Plan:
    """A run that goes on keeps its number of epochs unless another is named."""
    is_named = options.epochs is not None or "epochs" in options.overrides
    if is_named or not options.resume or not paths.run.is_file():
        return plan
    return with_epochs(plan, read_run(paths).epochs)
