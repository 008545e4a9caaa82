"""Out-of-fold figures of networks that were trained on the device and on the CPU."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.cuda_cohort import CLASSES, Plans, labels_of, store_cases
from ricenet_v2.benchmarking.timing import make_bench, synchronise
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import AugmentationPlan
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.loop import predict_cases
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.source import Source
from ricenet_v2.training.wrapping import precision

Row = dict[str, Any]
_FOLDS = 5


def folds(plans: Plans, where: torch.device) -> Iterator[Row]:
    """Out-of-fold log loss and AUROC of small networks, by device and seed."""
    sizes, side = plans.sizes, plans.sizes.fold_side
    with tempfile.TemporaryDirectory() as folder:
        plan = _of_folds(plans, side)
        store_cases(Path(folder), plan, sizes.fold_cases)
        for seed in range(sizes.seeds):
            for device in dict.fromkeys((torch.device("cpu"), where)):
                group = ProcessGroup(0, 1, device)
                outputs = _out_of_fold(plan, Path(folder), sizes.fold_cases, seed, group)
                yield {
                    "device": str(device),
                    "seed": seed,
                    "precision": precision(device, plan.training),
                    **_figures(outputs),
                }


def _of_folds(plans: Plans, side: int) -> Plan:
    """A small network, without the noise that each device draws on its own."""
    plan, size = plans["auto"], (side, side, side)
    network = dataclasses.replace(
        plan.network,
        features=(8, 16),
        blocks=(1, 1),
        kernel_sizes=((3, 3, 3),) * 2,
        strides=((1, 1, 1), (2, 2, 2)),
        norm="instance",
        stem_features=8,
        dropout=0.0,
        stochastic_depth=0.0,
    )
    changes: Row = {"batch_size": 4, "accumulation_steps": 1, "warmup_epochs": 0, "epochs": 1}
    training = dataclasses.replace(
        plan.training,
        **changes,
        iterations_per_epoch=plans.sizes.fold_updates,
        augmentation=AugmentationPlan(p_noise=0.0),
        ema_decay=0.9,
    )
    return dataclasses.replace(plan, network=network, training=training, input_size=size)


def _out_of_fold(
    plan: Plan, folder: Path, n: int, seed: int, group: ProcessGroup
) -> list[tuple[int, float]]:
    """Truth and probability of the second class of each case, from a network that never saw it."""
    labels = labels_of(n)
    channels = list(range(len(plan.channels)))
    outputs: list[tuple[int, float]] = []
    for fold in range(_FOLDS):
        held_out = [case for index, case in enumerate(labels) if index // 2 % _FOLDS == fold]
        if not held_out:
            continue
        train = {case: label for case, label in labels.items() if case not in held_out}
        reader = CaseReader(folder, channels, case_ids=list(labels))
        bench = make_bench(plan, group, seed=seed)
        batches = TrainingBatches(Source(reader, train, plan, seed), 0, 0, group.device)
        try:
            bench.train(batches, 0, plan.training.iterations_per_epoch)
        finally:
            batches.close()
        bench.state.network.load_state_dict(bench.state.ema.weights)
        network = bench.state.network.eval()
        outputs_of_fold = predict_cases(network, reader, held_out, group)[:, 1].tolist()
        truths = [CLASSES.index(labels[case]) for case in held_out]
        outputs += zip(truths, outputs_of_fold, strict=True)
    synchronise(group.device)
    return outputs


def _figures(outputs: list[tuple[int, float]]) -> Row:
    truth, p = (np.array(column) for column in zip(*outputs, strict=True))
    sure = np.clip(np.where(truth == 1, p, 1 - p), 1e-7, 1)
    ours, theirs = p[truth == 1][:, None], p[truth == 0][None]
    auroc = float(np.mean((ours > theirs) + 0.5 * (ours == theirs)))
    return {"log_loss": float(-np.log(sure).mean()), "auroc": auroc, "cases": len(outputs)}
