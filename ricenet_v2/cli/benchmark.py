"""ricenet_benchmark: what training and prediction take on this machine, for this dataset."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers

if TYPE_CHECKING:
    from ricenet_v2.records.benchmark import Benchmark, Estimate, Machine, Stage

_VERDICTS = {None: "-", True: "ok", False: "over"}


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Time each stage of a preprocessed dataset on this machine against its limit, and report "
        "how long its folds will take. Changes nothing in the dataset or its results."
    )
    parser.add_argument("dataset", help="id, name or path of the raw dataset folder")
    common.add_plan(parser)
    parser.add_argument(
        "--fold", type=numbers.fold, default=0, help="fold whose training cases are used"
    )
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    parser.add_argument(
        "--updates",
        type=numbers.whole(1, 100_000),
        default=10,
        help="updates of the weights in a round",
    )
    parser.add_argument(
        "--rounds",
        type=numbers.whole(1, 100_000),
        default=5,
        help="rounds that are measured; medians are shown",
    )
    parser.add_argument(
        "--num_workers",
        type=numbers.workers,
        help="processes that load and augment images (if left out: as many as ricenet_train "
        "would take)",
    )
    parser.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", help="JSON file for all measurements"
    )
    common.add_workspace(parser)
    return parser


def benchmark(dataset: str, *, output: Path | None, **options: Any) -> int:
    """Measure and show; the arguments are those of the command.

    Returns:
        0, also where a limit is missed.
    """
    from ricenet_v2.api.benchmark import benchmark as measure

    measure(dataset, output=output, **options, observer=_show)
    if output is not None:
        print(f"Benchmark: {output}")
    return common.OK


def _show(measured: Benchmark) -> None:
    common.table(
        f"{measured.dataset}, plan {measured.plan}, fold {measured.fold}: "
        f"{_machine(measured.machine)}. Medians of {measured.rounds} rounds; in each, "
        f"{measured.updates} updates of both steps in turn.",
        ("stage", "measured", "against", "ratio", "limit", "verdict", "note"),
        [_row(stage) for stage in measured.stages],
    )
    over = [stage.name for stage in measured.stages if stage.holds is False]
    print(f"Over its limit: {', '.join(over)}." if over else "All limits are met.")
    for line in _lines(measured.estimate):
        print(f"{line} on this device.")


def _machine(machine: Machine) -> str:
    from ricenet_v2.reporting import formatting

    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    memory = f" with {formatting.data(machine.memory_bytes)}" if machine.memory_bytes else ""
    driver = f", driver {machine.driver}" if machine.driver else ""
    cores = formatting.several(machine.cores, "core")
    threads = formatting.several(machine.threads, "thread")
    return f"{machine.name} ({machine.device}){memory}{driver}, {cores}, {threads}, {versions}"


def _row(stage: Stage) -> tuple[str, ...]:
    reference = "-"
    if stage.reference is not None:
        reference = f"{_value(stage, stage.reference)} ({stage.against})"
    ratio = "-" if stage.ratio is None else f"{stage.ratio:.3f}"
    limit = "-" if stage.limit is None else f"{stage.limit:.2f}"
    verdict = _VERDICTS[stage.holds]
    return stage.name, _value(stage, stage.measured), reference, ratio, limit, verdict, stage.note


def _value(stage: Stage, value: float) -> str:
    from ricenet_v2.reporting import formatting

    return formatting.seconds(value) if stage.unit == "s" else formatting.data(value)


def _lines(estimate: Estimate) -> list[str]:
    from ricenet_v2.reporting import formatting

    epoch, fold, folds = (
        formatting.duration(value) for value in (estimate.epoch, estimate.fold, estimate.all_folds)
    )
    return [
        f"About {epoch} for an epoch of {formatting.several(estimate.updates, 'update')}",
        f"About {fold} for this fold of {formatting.several(estimate.epochs, 'epoch')}",
        f"About {folds} for all {formatting.several(estimate.folds, 'fold')}, one after the other,",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: benchmark(**options), "ricenet_benchmark", argv)


if __name__ == "__main__":
    sys.exit(main())
