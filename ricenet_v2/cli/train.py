"""ricenet_train: train a fold, or all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.cli import common


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Train one fold (0 to 4) of a preprocessed dataset, or all of them.")
    parser.add_argument("dataset", help="id, name, or path of the raw dataset folder")
    parser.add_argument("fold", help="0, 1, 2, 3, 4 or all")
    parser.add_argument("--plan", default="auto", help="name of the plan")
    parser.add_argument("--channels", nargs="+", metavar="NAME", help="only these channels")
    parser.add_argument(
        "--continue", dest="resume", action="store_true", help="go on after an interruption"
    )
    parser.add_argument("--epochs", type=int, help="instead of the plan's")
    parser.add_argument(
        "--set",
        dest="settings",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="change training settings of the plan, e.g. learning_rate=3e-4 augmentation.p_noise=0",
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, sampling, augmentation")
    parser.add_argument("--device", help="cuda, mps or cpu; the best there is if left out")
    parser.add_argument(
        "--num_workers",
        type=_count,
        help="processes that load and augment (0: none but the main one); changes no result",
    )
    parser.add_argument(
        "--cache_gb", type=_size, help="memory in which cases are kept; changes no result"
    )
    parser.add_argument(
        "--preview_augmentation",
        action="store_true",
        help="only draw a contact sheet of augmented samples",
    )
    common.add_workspace(parser)
    return parser


def train(
    dataset: str,
    fold: str | int,
    *,
    plan: str = "auto",
    channels: Sequence[str] | None = None,
    resume: bool = False,
    epochs: int | None = None,
    settings: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str | None = None,
    num_workers: int | None = None,
    cache_gb: float | None = None,
    preview_augmentation: bool = False,
    workspace: Path | None = None,
) -> int:
    """Train; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.core.errors import TrainingError
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.records.splits import Splits
    from ricenet_v2.store.paths import dataset_paths
    from ricenet_v2.store.raw import load_raw_dataset
    from ricenet_v2.training.fold import TrainOptions, train_fold

    paths = dataset_paths(dataset, workspace)
    if not paths.plan(plan).is_file() or not paths.splits.is_file():
        raise TrainingError(
            "This dataset is not planned and split yet.",
            file=paths.plan(plan) if not paths.plan(plan).is_file() else paths.splits,
            remedy=f"Run ricenet_plan_and_preprocess {dataset} first.",
        )
    made, splits = documents.read(Plan, paths.plan(plan)), documents.read(Splits, paths.splits)
    raw = load_raw_dataset(paths.raw)
    options = TrainOptions(
        channels=tuple(channels) if channels else None,
        resume=resume,
        epochs=epochs,
        overrides=dict(settings or {}),
        seed=seed,
        device=device,
        preview_only=preview_augmentation,
        num_workers=num_workers,
        cache_gb=cache_gb,
    )
    for number in _folds(str(fold), len(splits.folds)):
        train_fold(paths, made, raw.dataset, raw.cases, splits, number, options)
    return common.OK


def _folds(text: str, n_folds: int) -> list[int]:
    from ricenet_v2.core.errors import TrainingError

    if text == "all":
        return list(range(n_folds))
    if text.isdigit() and int(text) < n_folds:
        return [int(text)]
    raise TrainingError("There is no such fold.", expected=f"0 to {n_folds - 1}, or all", got=text)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, got {text}")
    return value


def _size(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected 0 or more gigabytes, got {text}")
    return value


def _settings(pairs: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        parser.error(f"--set takes KEY=VALUE, got {' '.join(wrong)}")
    return dict(pair.split("=", 1) for pair in pairs)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = build_parser()
    options = vars(parser.parse_args(argv))
    options["settings"] = _settings(options["settings"], parser)
    return common.run(lambda: train(**options))


if __name__ == "__main__":
    sys.exit(main())
