"""ricenet_train: train a fold, or all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, ending, numbers
from ricenet_v2.core.packages import installing

if TYPE_CHECKING:
    from ricenet_v2.api.fold_execution import TrainedFolds


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Train one fold of a preprocessed dataset, all of them, or a network of all cases."
    )
    parser.add_argument("dataset", help="id, name or path of the raw dataset folder")
    parser.add_argument(
        "fold",
        help="number of a fold (0 to 4 of the usual five), all, or full: one network of all "
        "training cases, without out-of-fold metrics",
    )
    common.add_plan(parser)
    parser.add_argument(
        "-c",
        "--channels",
        nargs="+",
        metavar="NAME",
        help="channels that the network sees (if left out: all)",
    )
    parser.add_argument(
        "--continue", dest="resume", action="store_true", help="resume interrupted training"
    )
    parser.add_argument(
        "--epochs",
        type=numbers.epochs,
        help="number of epochs (if left out: that of the plan); may change with --continue",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the plan that are changed, e.g. learning_rate=3e-4 "
        "augmentation.p_noise=0 network.dropout=0.3",
    )
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed",
        type=numbers.seed,
        default=0,
        help="random seed of weights, sampling and augmentation",
    )
    seeds.add_argument(
        "--seeds",
        type=numbers.seed_of_folder,
        nargs="+",
        metavar="N",
        help="train once with each of these random seeds, each in a folder of its own; "
        "ricenet_evaluate --seeds then shows how much results vary with the seed",
    )
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    parser.add_argument(
        "--num_workers",
        type=numbers.workers,
        help="processes that load and augment images (0: only the main process); does not change"
        " results",
    )
    parser.add_argument(
        "--cache_gb",
        type=numbers.gigabytes_or_none,
        help="memory in GiB in which preprocessed cases are kept; does not change results",
    )
    parser.add_argument(
        "--device_cache_gb",
        type=numbers.gigabytes_or_none,
        help="memory in GiB of a CUDA device in which all training cases are kept, if they fit; 0"
        " keeps none there (if left out: what they need, where that is free beside a training"
        " step); does not change results",
    )
    parser.add_argument("--num_threads", type=numbers.threads, help="CPU threads of torch")
    parser.add_argument(
        "--num_folds_parallel",
        type=numbers.processes_or_auto,
        default="1",
        metavar="N|auto",
        help="folds that are trained at the same time; auto: as many as memory and cores allow",
    )
    parser.add_argument(
        "--logger",
        dest="loggers",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"also log each epoch to tensorboard or mlflow ({installing('tensorboard')})",
    )
    parser.add_argument(
        "--preview_augmentation",
        action="store_true",
        help="draw a contact sheet of augmented samples and stop",
    )
    parser.add_argument(
        "--pretrained_weights",
        type=Path,
        metavar="FILE",
        help="checkpoint whose encoder the training begins with: of nnU-Net, nnssl, MedicalNet, "
        "MONAI or this program",
    )
    parser.add_argument(
        "--allow_missing_weights",
        action="store_true",
        help="take what fits of --pretrained_weights and initialise the rest of the encoder at "
        "random",
    )
    parser.add_argument(
        "--allow_leak",
        action="store_true",
        help="accept --pretrained_weights that were trained on held-out cases; run.json records "
        "it, and the checks of ricenet_evaluate report it",
    )
    common.add_workspace(parser)
    return parser


def train(
    dataset: str,
    fold: str,
    *,
    plan: str,
    seeds: Sequence[int] | None,
    device: str | None,
    num_threads: int | None,
    num_folds_parallel: str,
    workspace: Path | None,
    **options: Any,
) -> int:
    """Train; the arguments are those of the command.

    Returns:
        0; 1 where some of several folds or seeds failed; 2 where several processes shared a
        failure.

    Raises:
        RicenetError: A single fold, or each of several, failed; or the user requested a stop.
    """
    from ricenet_v2.api.caller import state_kept
    from ricenet_v2.api.fold_execution import FoldExecution
    from ricenet_v2.api.training import ALL, FoldRequest, TrainOptions, train_in
    from ricenet_v2.core.errors import RicenetError
    from ricenet_v2.training.process_group import joined

    channels = options.pop("channels")
    request = FoldRequest(
        dataset,
        None if fold == ALL else (fold,),
        TrainOptions(
            channels=tuple(channels) if channels else None,
            overrides=options.pop("settings"),
            preview_only=options.pop("preview_augmentation"),
            loggers=tuple(options.pop("loggers")),
            **options,
        ),
        plan,
        workspace,
        seeds,
        FoldExecution(num_folds_parallel, num_threads, dataset, workspace, device),
    )
    with joined(device) as process_group, state_kept(num_threads):
        try:
            results = train_in(process_group, request, _show_failed)
        except RicenetError as error:
            if process_group.size == 1:
                raise
            # All processes fail for the same reason, and one voice is enough. torchrun ends the
            # others as soon as one has ended, so they wait until it has spoken.
            if process_group.leads:
                print(f"Error: {error}", file=sys.stderr, flush=True)
            process_group.wait()
            return ending.code_of(error)
        return common.OK if all(each.is_complete for each in results) else common.SOME_FAILED


def _show_failed(trained: TrainedFolds) -> None:
    """Print which folds failed, and which are trained."""
    if not trained.failed:
        return
    first, *others = sorted(trained.failed)
    print(f"Fold {first} failed: {trained.failed[first]}", file=sys.stderr)
    also = f"Also failed: {', '.join(map(str, others))}. " if others else ""
    print(f"{also}Trained: {', '.join(str(run.fold) for run in trained.runs)}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = build_parser()
    options = common.parsed(parser, argv)
    options["settings"] = common.settings(options["settings"], parser)
    return common.run(lambda: train(**options), "ricenet_train", argv)


if __name__ == "__main__":
    sys.exit(main())
