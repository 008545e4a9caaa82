"""What the benchmark on a CUDA device measures, row by row."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.cuda_cohort import Plans, labels_of, noise, store_cases, with_training
from benchmarks.cuda_folds import folds
from ricenet_v2.benchmarking.timing import (
    Bench,
    make_bench,
    seconds_of,
    time_steps,
    watched_memory,
)
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.device_cases import DeviceCases
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.source import Source
from ricenet_v2.training.wrapping import autocast, moved, precision

Row = dict[str, Any]
_WARM_UP = 3
SWITCHES: dict[str, dict[str, bool]] = {
    "none": {},
    "cudnn_benchmark": {"cudnn_benchmark": True},
    "channels_last": {"channels_last": True},
    "fused_optimiser": {"fused_optimiser": True},
    "these three": {"cudnn_benchmark": True, "channels_last": True, "fused_optimiser": True},
    "activation_checkpointing": {"activation_checkpointing": True},
    "float32 (TF32)": {"mixed_precision": False},
    "compile": {"compile": True},
}


@dataclasses.dataclass(frozen=True)
class Machine:
    """Device and settings of the measurements.

    Attributes:
        device: CUDA, or the CPU in a dry run.
        plans: Plans that are run.
        workers: Loading processes.
        is_dry: Whether only the way through is tried.
    """

    device: torch.device
    plans: Plans
    workers: int
    is_dry: bool

    def bench(self, plan: Plan) -> Bench:
        """What a plan describes, on the device."""
        return make_bench(plan, ProcessGroup(0, 1, self.device))


def bare(bench: Bench, steps: int) -> Row:
    """Seconds of the first steps together and of a step after them (median)."""
    step = bench.bare(noise(bench.plan))
    first = sum(seconds_of(step, bench.device) for _ in range(_WARM_UP))
    later = [seconds_of(step, bench.device) for _ in range(steps)]
    return {"warm_up_s": first, "step_s": statistics.median(later)}


def steps(machine: Machine) -> Iterator[Row]:
    """A step with everything on, the bare step in turn with it, their ratio, and the waiting.

    With the training cases on the device, and loaded.
    """
    sizes = machine.plans.sizes
    for name in ("auto",) if machine.is_dry else ("paper_2", "paper", "auto"):
        plan = with_training(machine.plans[name], accumulation_steps=1)
        with tempfile.TemporaryDirectory() as folder:
            store_cases(Path(folder), plan, sizes.stored)
            labels = labels_of(sizes.stored)
            channels = list(range(len(plan.channels)))
            reader = CaseReader(Path(folder), channels, case_ids=list(labels))
            source = Source(reader, labels, plan, 0)
            for is_kept in (True, False) if machine.device.type == "cuda" else (False,):
                yield {"plan": name, "cases_on_device": is_kept} | _timed(
                    machine, source, is_kept=is_kept
                )


def _timed(machine: Machine, source: Source, *, is_kept: bool) -> Row:
    plan, sizes, kept = source.plan, machine.plans.sizes, None
    if is_kept:
        kept = DeviceCases(source.reader, list(source.labels), machine.device, "float32", 4)
    batches = TrainingBatches(source, 0, machine.workers, machine.device, device_cases=kept)
    try:
        turns = time_steps(machine.bench(plan), batches, sizes.updates, sizes.rounds)
    finally:
        batches.close()
    return {
        "input_size": plan.input_size,
        "batch": plan.training.batch_size,
        "precision": precision(machine.device, plan.training),
        "step_s": statistics.median(turns.everything),
        "bare_step_s": statistics.median(turns.bare),
        "ratio": turns.ratio,
        "waiting_share": turns.waiting_share,
    }


def memory(machine: Machine) -> Iterator[Row]:
    """Bytes stated and taken, of plans that were counted in the precision in which they run."""
    for budget in machine.plans.sizes.budgets_gb:
        for counted in ("float32", "bfloat16"):
            plan = machine.plans[f"memory_{budget:g}_{counted}"]
            row = {
                "budget_gb": budget,
                "counted_in": plan.memory.precision,
                "runs_in": precision(machine.device, plan.training),
                "input_size": plan.input_size,
                "batch": plan.training.batch_size,
                "largest_map": plan.memory.largest_map,
                "stated_gb": plan.memory.total / GIB,
            }
            if machine.device.type == "cuda" and plan.memory.total > _free(machine.device):
                yield {**row, "note": "more than the card has"}
                continue
            yield {**row, **_taken(machine, plan)}


def _free(device: torch.device) -> int:
    torch.cuda.empty_cache()
    return int(torch.cuda.mem_get_info(device)[0])


def _taken(machine: Machine, plan: Plan) -> Row:
    with watched_memory(machine.device) as peak:
        bench = machine.bench(plan)
        bare(bench, steps=2)
        bench.state.ema.update()
    if peak.allocated is None or peak.reserved is None:
        return {}
    return {
        "taken_gb": peak.allocated / GIB,
        "reserved_gb": peak.reserved / GIB,
        "taken_of_stated": peak.allocated / plan.memory.total,
    }


def switches(machine: Machine) -> Iterator[Row]:
    """Each switch against none: outputs, memory, first steps, a step, and when it has paid."""
    for name in ("auto",) if machine.is_dry else ("paper_2", "auto"):
        plan, reference = machine.plans[name], None
        for label, settings in SWITCHES.items():
            if machine.is_dry and "compile" in settings:
                continue  # it would compile for the CPU
            with watched_memory(machine.device) as peak:
                row: Row = {"plan": name, "switch": label} | _switched(machine, plan, settings)
            row["taken_gb"] = None if peak.allocated is None else peak.allocated / GIB
            reference = row if reference is None else reference
            yield row | _against(reference, row, plan)
        if machine.device.type == "cuda":
            yield {"plan": name, "switch": "CUDA graph"} | _graphed(machine, plan)


def _switched(machine: Machine, plan: Plan, settings: dict[str, bool]) -> Row:
    bench = machine.bench(with_training(plan, **settings))
    logits = _logits(bench)
    return {"logits": logits.flatten().tolist(), **bare(bench, machine.plans.sizes.updates)}


def _logits(bench: Bench) -> torch.Tensor:
    torch.manual_seed(1)
    images = moved(noise(bench.plan).images, bench.device, bench.plan.training)
    bench.wrapped.eval()
    with torch.no_grad(), float32("tf32"), autocast(bench.device, bench.plan.training):
        logits: torch.Tensor = bench.wrapped(images).float().cpu()
    return logits


def _against(reference: Row, row: Row, plan: Plan) -> Row:
    """Differences from the run without switches; steps after which longer first steps have paid."""
    saved = reference["step_s"] - row["step_s"]
    extra = row["warm_up_s"] - reference["warm_up_s"]
    training = plan.training
    return {
        "largest_difference_of_logits": float(
            np.max(np.abs(np.subtract(row["logits"], reference["logits"])))
        ),
        "step_of_none": row["step_s"] / reference["step_s"],
        "steps_until_it_pays": extra / saved if saved > 0 < extra else None,
        "steps_of_a_fold": training.epochs
        * training.iterations_per_epoch
        * training.accumulation_steps,
    }


def _graphed(machine: Machine, plan: Plan) -> Row:
    """The forward and the backward pass as CUDA graphs; dropout then repeats its first draw."""
    bench = machine.bench(plan)
    batch = noise(plan)
    images = moved(batch.images, machine.device, plan.training)
    targets = moved(batch.targets, machine.device, plan.training)
    try:
        with autocast(machine.device, plan.training, caches=False):
            called: Any = torch.cuda.make_graphed_callables(bench.state.network, (images,))

        def update() -> None:
            bench.state.optimiser.zero_grad(set_to_none=False)
            with autocast(machine.device, plan.training, caches=False):
                logits = called(images)
            loss = torch.nn.functional.cross_entropy(logits.float(), targets)
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            bench.state.optimiser.step()

        first = sum(seconds_of(update, machine.device) for _ in range(_WARM_UP))
        times = [seconds_of(update, machine.device) for _ in range(machine.plans.sizes.updates)]
    except (RuntimeError, TypeError, AttributeError) as error:
        return {"fault": f"{type(error).__name__}: {str(error)[:300]}"}
    return {"warm_up_s": first, "step_s": statistics.median(times)}


def large_maps(machine: Machine) -> Iterator[Row]:
    """Maps of 2^30 to 2^32 elements: is each sample, and each gradient, what it is alone?"""
    side = 16 if machine.is_dry else 256
    for batch in (2, 4, 8):
        torch.manual_seed(0)
        convolution = torch.nn.Conv3d(3, 32, 3, padding=1, bias=False)
        block = torch.nn.Sequential(
            convolution,
            torch.nn.InstanceNorm3d(32, affine=True),
            torch.nn.LeakyReLU(inplace=True),
            torch.nn.Conv3d(32, 32, 3, padding=1, bias=False),
            torch.nn.AvgPool3d(2),
        ).to(machine.device)
        row: Row = {"batch": batch, "elements": batch * 32 * side**3}
        images = torch.randn(batch, 3, side, side, side).to(machine.device)
        try:
            whole = _outputs_and_gradient(block, convolution, [images])
            alone = _outputs_and_gradient(block, convolution, list(torch.split(images, 1)))
        except RuntimeError as error:
            yield row | {"fault": f"{type(error).__name__}: {str(error)[:300]}"}
            continue
        for what, ours, theirs in zip(("output", "gradient"), whole, alone, strict=True):
            scale = float(theirs.abs().max())
            row[f"largest_difference_of_{what}"] = float((ours - theirs).abs().max()) / scale
        yield row


def _outputs_and_gradient(
    block: torch.nn.Module, convolution: torch.nn.Conv3d, parts: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean outputs of samples, and the gradient of their mean by the first weights."""
    block.zero_grad(set_to_none=True)
    means = []
    for part in parts:
        with torch.autocast(part.device.type, torch.bfloat16):
            outputs = block(part)
        means.append(outputs.detach().float().mean((2, 3, 4)).cpu())
        (outputs.float().mean() / len(parts)).backward()
        del outputs
    assert convolution.weight.grad is not None
    return torch.cat(means), convolution.weight.grad.cpu()


PARTS: dict[str, Callable[[Machine], Iterator[Row]]] = {
    "steps": steps,
    "memory": memory,
    "folds": lambda machine: folds(machine.plans, machine.device),
    "switches": switches,
    "large_maps": large_maps,
}
