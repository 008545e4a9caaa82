"""ricenet_ablate: what each channel contributes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers

if TYPE_CHECKING:
    from ricenet_v2.ablation.ablate import AblationOptions
    from ricenet_v2.records.ablation import Ablation


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Train every subset of the channels on the same folds, and report what each channel "
        "contributes. Run it again to resume: a finished training is never repeated."
    )
    parser.add_argument(
        "dataset", metavar="DATASET", help="id, name or path of the raw dataset folder"
    )
    common.add_plan(parser)
    parser.add_argument(
        "--by",
        choices=("channel", "kind", "timepoint"),
        default="channel",
        help="unit that is left out: each channel by itself, all channels of a kind (mri, dose, "
        "...), or all of a time point",
    )
    parser.add_argument(
        "--subsets",
        nargs="+",
        default=[],
        metavar="A+B",
        help="train only these subsets beside all channels, e.g. dose T1c_event+dose; Shapley "
        "values need all subsets",
    )
    _add_training(parser)
    parser.add_argument(
        "--permutation_repeats",
        type=numbers.whole(0, 10_000),
        default=5,
        metavar="N",
        help="number of times that each group is exchanged between patients at prediction; 0 "
        "leaves it out",
    )
    parser.add_argument(
        "--drop",
        action="store_true",
        help="also set each group to zero at prediction, which answers another question",
    )
    parser.add_argument(
        "--n_bootstrap",
        type=numbers.draws,
        default=2000,
        help="random draws for consistency bands, and most permutations of a test",
    )
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        help="output folder (if left out: inside that of the full model)",
    )
    common.add_workspace(parser)
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--epochs",
        type=numbers.epochs,
        help="epochs of each fold (if left out: those of the full model)",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the plan that are changed (if left out: those of the full model)",
    )
    parser.add_argument(
        "--seed",
        type=numbers.seed,
        help="random seed (if left out: that of the full model, else 0)",
    )
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    parser.add_argument(
        "--executor",
        default="processes",
        metavar="serial|processes|MODULE:FACTORY",
        help="executor of the trainings; MODULE:FACTORY names a function that returns a "
        "concurrent.futures.Executor",
    )
    parser.add_argument(
        "--num_processes",
        type=numbers.processes_or_auto,
        default="auto",
        metavar="N|auto",
        help="trainings that run at the same time; auto: as many as memory and cores allow",
    )
    parser.add_argument("--num_threads", type=numbers.threads, help="CPU threads of each training")
    parser.add_argument(
        "--num_workers",
        type=numbers.workers,
        help="processes of each training that load and augment images",
    )
    parser.add_argument(
        "--cache_gb",
        type=numbers.gigabytes_or_none,
        help="memory in GiB in which each training keeps preprocessed cases",
    )
    parser.add_argument(
        "--device_cache_gb",
        type=numbers.gigabytes_or_none,
        help="memory in GiB of a CUDA device in which each training keeps all of its training "
        "cases, if they fit; 0 keeps none there",
    )
    parser.add_argument(
        "--pretrained_weights",
        type=Path,
        metavar="FILE",
        help="checkpoint whose encoder every fold begins with",
    )
    parser.add_argument(
        "--allow_missing_weights",
        action="store_true",
        help="take what fits of --pretrained_weights and initialise the rest at random",
    )
    parser.add_argument(
        "--allow_leak",
        action="store_true",
        help="accept --pretrained_weights that were trained on held-out cases",
    )


def ablate(dataset: str, *, output: Path | None, workspace: Path | None, **options: Any) -> int:
    """Ablate; the arguments are those of the command.

    Returns:
        0, or 1 where some trainings failed.
    """
    from ricenet_v2.api.ablation import ablated

    ablation, folder = ablated(dataset, _options(**options), output, workspace)
    show(ablation)
    print(f"Tables, plots and the section of the report: {folder}")
    return common.SOME_FAILED if ablation.failed else common.OK


def _options(
    *,
    subsets: Sequence[str],
    epochs: int | None,
    seed: int | None,
    settings: Mapping[str, str],
    pretrained_weights: Path | None,
    allow_missing_weights: bool,
    allow_leak: bool,
    executor: str,
    num_processes: str,
    num_threads: int | None,
    device: str | None,
    num_workers: int | None,
    cache_gb: float | None,
    device_cache_gb: float | None,
    permutation_repeats: int,
    **options: Any,
) -> AblationOptions:
    """The options of the command line as a record."""
    from ricenet_v2.ablation.ablate import AblationOptions
    from ricenet_v2.ablation.budget import BudgetRequest
    from ricenet_v2.ablation.training import TrainingMachine

    return AblationOptions(
        subsets=tuple(subsets),
        request=BudgetRequest(
            epochs, seed, settings, pretrained_weights, allow_missing_weights, allow_leak
        ),
        machine=TrainingMachine(
            executor, num_processes, num_threads, device, num_workers, cache_gb, device_cache_gb
        ),
        repeats=permutation_repeats,
        **options,
    )


def show(ablation: Ablation) -> None:
    """Print the tables and what must be known to read them."""
    from ricenet_v2.ablation.formatting import all_tables, summary_text

    for table in all_tables(ablation):
        common.table(table.title, table.columns, table.rows)
    print(summary_text(ablation))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = build_parser()
    options = common.parsed(parser, argv)
    options["settings"] = common.settings(options["settings"], parser)
    # Modules that --executor names are also imported by the processes that it starts.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    return common.run(lambda: ablate(**options), "ricenet_ablate", argv)


if __name__ == "__main__":
    sys.exit(main())
