"""ricenet_ablate: what each channel contributes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ricenet_v2.cli import common, folders, numbers

if TYPE_CHECKING:
    from ricenet_v2.records.ablation import Ablation


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Train every subset of the channels on the same folds, and tell what each channel "
        "contributes. Run it again to go on: a finished training is never repeated."
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
        help="bootstrap samples of a band, and largest number of permutations of a test",
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
        help="device that computes: cuda, mps or cpu (if left out: the best that is there)",
    )
    parser.add_argument(
        "--executor",
        default="processes",
        metavar="serial|processes|MODULE:FACTORY",
        help="where trainings run; MODULE:FACTORY names a function that returns a "
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


@folders.holding(folders.ablating)
def ablate(
    dataset: str,
    *,
    plan: str = "auto",
    by: Literal["channel", "kind", "timepoint"] = "channel",
    subsets: Sequence[str] = (),
    epochs: int | None = None,
    settings: Mapping[str, str] | None = None,
    seed: int | None = None,
    device: str | None = None,
    executor: str = "processes",
    num_processes: str = "auto",
    num_threads: int | None = None,
    num_workers: int | None = None,
    cache_gb: float | None = None,
    pretrained_weights: Path | None = None,
    allow_missing_weights: bool = False,
    allow_leak: bool = False,
    permutation_repeats: int = 5,
    drop: bool = False,
    n_bootstrap: int = 2000,
    output: Path | None = None,
    workspace: Path | None = None,
) -> int:
    """Ablate; the arguments are those of the command.

    Returns:
        0, or 1 where some trainings failed.

    Raises:
        RicenetError: See `ricenet_v2.ablation.ablate.run_ablation`.
    """
    from ricenet_v2.ablation.ablate import AblationOptions, run_ablation
    from ricenet_v2.ablation.budget import BudgetRequest
    from ricenet_v2.ablation.subsets import canonical
    from ricenet_v2.ablation.training import TrainingMachine
    from ricenet_v2.ablation.write import write_ablation

    ablation, model = run_ablation(
        dataset,
        AblationOptions(
            plan=plan,
            by=by,
            subsets=tuple(subsets),
            request=BudgetRequest(epochs, seed, dict(settings or {}), pretrained_weights,
                      allow_missing_weights, allow_leak),
            machine=TrainingMachine(
                executor, num_processes, num_threads, device, num_workers, cache_gb
            ),
            repeats=permutation_repeats,
            drop=drop,
            n_bootstrap=n_bootstrap,
        ),
        workspace,
    )  # fmt: skip
    folder = output or model.ablation(
        by, canonical([group.name for group in ablation.groups], subsets)
    )
    write_ablation(folder, ablation)
    show(ablation)
    print(f"Tables, pictures and the part of the report: {folder}")
    return common.SOME_FAILED if ablation.failed else common.OK


def show(ablation: Ablation) -> None:
    """Print the tables and what must be known to read them."""
    from ricenet_v2.ablation.formatting import all_tables, summary_text

    for table in all_tables(ablation):
        common.table(table.title, table.columns, table.rows)
    print(summary_text(ablation))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = build_parser()
    options = vars(parser.parse_args(argv))
    options["settings"] = common.settings(options["settings"], parser)
    # Modules that --executor names are also imported by the processes that it starts.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    return common.run(lambda: ablate(**options), "ricenet_ablate", argv)


if __name__ == "__main__":
    sys.exit(main())
