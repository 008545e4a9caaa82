"""ricenet_evaluate: figures with intervals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.evaluation.read import Scored
    from ricenet_v2.records.figures import Evaluation
    from ricenet_v2.records.run import Run
    from ricenet_v2.store.paths import ModelPaths


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Figures of the pooled out-of-fold predictions of a dataset, or of predictions with truths."
    )
    parser.add_argument("dataset", nargs="?", help="dataset whose folds are pooled")
    parser.add_argument("--plan", default="auto", help="name of the plan")
    parser.add_argument("--channels", default="all", help="channels label")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="a predictions.csv")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="table with case_id, label, maybe patient_id"
    )
    parser.add_argument("--positive_class", help="for two classes; the last one if left out")
    parser.add_argument("-o", dest="output", type=Path, help="folder for figures.json")
    parser.add_argument("--n_bootstrap", type=_count, default=2000, help="resamples")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling")
    common.add_workspace(parser)
    return parser


def evaluate(
    dataset: str | None = None,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: Path | None = None,
    truth: Path | None = None,
    positive_class: str | None = None,
    output: Path | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: Path | None = None,
) -> int:
    """Evaluate; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.store.paths import FIGURES_JSON

    if (dataset is None) == (predictions is None):
        raise DatasetError(
            "What is to be evaluated?", expected="a dataset, or --predictions FILE --truth FILE"
        )
    if dataset is not None:
        scored, output, positive_class = _pooled(dataset, plan, channels, workspace)
        title = f"{dataset}: out-of-fold, pooled"
    else:
        from ricenet_v2.evaluation.read import read_scored

        assert predictions is not None
        scored = read_scored(predictions, truth)
        title = str(predictions)
    made = _figures(scored, positive_class, title, n_bootstrap, seed)
    _show(made)
    if output is not None:
        documents.write(output / FIGURES_JSON, made)
        print(f"Figures: {output / FIGURES_JSON}")
    return common.OK


def _pooled(
    dataset: str, plan: str, channels: str, workspace: Path | None
) -> tuple[Scored, Path, str]:
    """Pool the folds into crossval/validation.csv."""
    from ricenet_v2.evaluation.read import read_scored
    from ricenet_v2.store import tables
    from ricenet_v2.store.paths import VALIDATION_CSV, dataset_paths
    from ricenet_v2.store.raw import read_dataset

    model = dataset_paths(dataset, workspace).run(plan, channels)
    _check_same(_finished(model, dataset), model)
    rows = [row for fold in range(5) for row in tables.read_rows(model.fold(fold).validation)]
    tables.write_rows(model.crossval / VALIDATION_CSV, rows)
    described = read_dataset(model.dataset)
    scored = read_scored(model.crossval / VALIDATION_CSV)
    return scored, model.crossval, described.classes[described.positive_index]


def _finished(model: ModelPaths, dataset: str) -> dict[int, Run]:
    """The run of each fold.

    Raises:
        DatasetError: A fold was not trained, or not to its end.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.records.run import Run

    there = [
        f for f in range(5) if model.fold(f).validation.is_file() and model.fold(f).run.is_file()
    ]
    runs = {fold: documents.read(Run, model.fold(fold).run) for fold in there}
    faults = {
        "missing": [fold for fold in range(5) if fold not in runs],
        "not finished": [fold for fold, run in runs.items() if run.status != "finished"],
    }
    told = [f"{what}: {', '.join(map(str, folds))}" for what, folds in faults.items() if folds]
    if told:
        raise DatasetError(
            "Not all folds are trained.",
            file=model.folder,
            expected="validation.csv and a finished run.json in the folds 0 to 4",
            got="; ".join(told),
            remedy=f"Run ricenet_train {dataset} all --continue with the options of before.",
        )
    return runs


def _check_same(runs: dict[int, Run], model: ModelPaths) -> None:
    """Refuse to pool folds of different models; their seeds may differ, which are chance.

    Raises:
        DatasetError: Settings, cases or first weights differ.
    """
    from ricenet_v2.core.errors import DatasetError

    what: dict[str, Callable[[Run], object]] = {
        "number of epochs": lambda run: run.epochs,
        "plan and settings": lambda run: run.plan_hash,
        "channels": lambda run: run.channels,
        "preprocessed cases": lambda run: run.preprocessed_hash,
        "pretrained weights": lambda run: run.pretrained and run.pretrained.sha256,
    }
    for name, value in what.items():
        groups: dict[object, list[int]] = {}
        for fold, run in runs.items():
            groups.setdefault(value(run), []).append(fold)
        if len(groups) > 1:
            told = [f"folds {', '.join(map(str, folds))}: {key}" for key, folds in groups.items()]
            raise DatasetError(
                f"The folds were trained with different {name}, so they are not one model.",
                file=model.folder,
                expected="the same plan, settings and cases in all folds",
                got="; ".join(told),
                remedy="Move the folders of the folds that differ away and train them again.",
            )


def _figures(
    scored: Scored, positive: str | None, title: str, n_bootstrap: int, seed: int
) -> Evaluation:
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.evaluation.evaluate import evaluate as compute

    if positive is not None and positive not in scored.classes:
        raise DatasetError("There is no such class.", expected=scored.classes, got=positive)
    return compute(
        scored.truth,
        scored.probabilities,
        scored.patients,
        scored.classes,
        scored.classes.index(positive or scored.classes[-1]),
        predicted=scored.predicted,
        n_bootstrap=n_bootstrap,
        seed=seed,
        title=title,
        missing=scored.missing,
    )


def _show(made: Evaluation) -> None:
    common.table(
        f"{made.title} ({made.n_cases} cases of {made.n_patients} patients)",
        ("figure", "value", f"{made.level:.0%} interval", "n", "method"),
        [
            (
                figure.name,
                _number(figure.value),
                f"{_number(figure.low)} to {_number(figure.high)}",
                figure.n,
                figure.method,
            )
            for figure in made.figures
        ],
    )
    common.table(
        "Confusion matrix (rows: truth)",
        ("", *made.classes),
        [(name, *row) for name, row in zip(made.classes, made.confusion, strict=True)],
    )
    if made.missing:
        print(f"{len(made.missing)} cases were not predicted: {', '.join(made.missing)}")
    print(made.note)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: evaluate(**options))


if __name__ == "__main__":
    sys.exit(main())
