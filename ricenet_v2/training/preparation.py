"""Putting together what a fold needs before it is trained."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.machine import GIB, n_cores
from ricenet_v2.core.memory import available_memory
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.lineage import distinguishing, identifying
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Fold
from ricenet_v2.store import cases as store
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.fold_remedy import read_run
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.training.batch_partition import BatchPartition, check_sharing
from ricenet_v2.training.data_flow import DataFlow, data_flow, free_beside_step
from ricenet_v2.training.job import Job
from ricenet_v2.training.map_size import check_map_size
from ricenet_v2.training.options import TrainOptions, effective_plan, with_epochs
from ricenet_v2.training.parallel import FoldDemand
from ricenet_v2.training.preprocessed import (
    check_described,
    check_seen,
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
        setup: Setup that the folds share.
        fold: Number of the fold.

    Raises:
        TrainingError: No such fold, or the processes cannot share its updates.
        PlanError: Cases of the fold were preprocessed by another plan, or not at all, or
            dataset.json is not that of the plan.
        MissingChannelError: Cases have none of the channels that the network is to see.
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
    check_seen(used, records)
    test = tuple(case.case_id for case in setup.cases if case.split == "test")
    requested = test if options.pretrained_weights is not None else ()
    tested = [store.read_record(folder, case) for case in requested if store.has_case(folder, case)]
    images = {each.case_id: identifying(each, plan.channels) for each in (*records, *tested)}
    patients = {case.case_id: case.patient_id for case in setup.cases}
    labels = {case.case_id: case.label for case in setup.cases}
    flow = _flow(setup, used, chosen)
    job = Job(
        model=model,
        paths=model.fold(fold),
        dataset=setup.dataset,
        plan=_with_epochs_of_run(used, model.fold(fold), options),
        labels=labels,
        patients=patients,
        train=chosen.train,
        validation=chosen.validation,
        reader=_reader(setup, indices, chosen, records, flow),
        flow=flow,
        fold=fold,
        n_folds=len(splits.folds),
        repeats=splits.repeats,
        holdout=splits.holdout,
        is_full=setup.is_full,
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
        missing={each.case_id: each.missing for each in records if each.missing},
    )
    check_sharing(job.share, job.plan, job.device.type)
    check_map_size(job)
    return job


def demand_of(setup: TrainingSetup, used: Plan, options: TrainOptions) -> FoldDemand:
    """Demand of each training of a dataset, that of the largest fold.

    Args:
        setup: Setup with the plan whose memory is estimated.
        used: The plan with the settings of the trainings.
        options: Processes that load, and memory for cases.
    """
    return FoldDemand(
        setup.plan,
        max(len(fold.train) for fold in setup.splits.folds),
        _comparable_batch(setup.plan, used, used.training.batch_size),
        options.num_workers,
        options.cache_gb,
        options.device_cache_gb,
    )


def _comparable_batch(plan: Plan, used: Plan, batch_size: int) -> int:
    """Samples whose memory the plan states as it is taken: in float32 each takes that of two."""
    is_wider = plan.memory.precision == "bfloat16" and not used.training.mixed_precision
    return batch_size * 2 if is_wider else batch_size


def _flow(setup: TrainingSetup, used: Plan, fold: Fold) -> DataFlow:
    """Data flow of the cases; the processes of a group share cores and memory."""
    group, options = setup.process_group, setup.options
    batch = len(BatchPartition(group.rank, group.size).positions(used.training)[0])
    room: int | None = None
    if group.device.type == "cuda" and not options.preview_only:
        wish = options.device_cache_gb
        comparable = _comparable_batch(setup.plan, used, batch)
        room = (
            free_beside_step(setup.plan, comparable, group.device)
            if wish is None
            else int(wish * GIB)
        )
    free = available_memory()
    return data_flow(
        used,
        group.device,
        len(fold.train),
        batch,
        free_of_device=room,
        num_workers=options.num_workers,
        cores=n_cores() // group.size,
        free=None if free is None else free // group.size,
    )


def _reader(
    setup: TrainingSetup,
    channels: Sequence[int],
    fold: Fold,
    records: Sequence[PreprocessedCase],
    flow: DataFlow,
) -> CaseReader:
    """Each process of a process group keeps its own cases, so they share the budget."""
    budget = cache_budget(setup.options.cache_gb) // setup.process_group.size
    # Cases on the device are read once, those of a contact sheet, too.
    cases = () if flow.is_on_device else fold.train
    cases = () if setup.options.preview_only else (*cases, *fold.validation)
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
