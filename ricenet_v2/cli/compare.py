"""ricenet_compare: paired tests of runs on the same cases."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common, folders

if TYPE_CHECKING:
    from ricenet_v2.records.comparison import Comparison


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Compare runs on the cases that all of them predicted.")
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="two or more runs: tables of predictions, folders of predictions, model folders, or"
        " with -d the names of model folders such as auto__all",
    )
    parser.add_argument("-d", dest="dataset", help="dataset that the runs belong to")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="table with labels, for predictions without labels",
    )
    parser.add_argument(
        "--positive_class",
        help="positive class of two (if left out: that of dataset.json when the first run was "
        "trained, else the last)",
    )
    parser.add_argument("-o", dest="output", type=Path, help="output folder for comparison.json")
    common.add_resampling(parser)
    common.add_workspace(parser)
    return parser


@folders.holding(folders.comparing)
def compare(
    runs: Sequence[str],
    *,
    dataset: str | None = None,
    truth: Path | None = None,
    positive_class: str | None = None,
    output: Path | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: Path | None = None,
) -> int:
    """Compare; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.core.command import invocation
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.evaluation.aligned_runs import models_of, on_same_cases, read_run
    from ricenet_v2.evaluation.comparisons import compare as compute
    from ricenet_v2.evaluation.evaluation_input import positive_index, short_names
    from ricenet_v2.evaluation.seed_spreads import spreads_of, with_spreads
    from ricenet_v2.evaluation.selection import with_selection
    from ricenet_v2.evaluation.write import write_comparison
    from ricenet_v2.store.paths import dataset_paths
    from ricenet_v2.store.positive import positive_of_any

    if len(set(runs)) < 2:
        raise DatasetError(
            "There is nothing to compare.",
            expected="two or more different runs",
            got=", ".join(runs),
            remedy="Name two different runs, e.g. ricenet_compare -d DATASET auto__all "
            "baseline__dose+covariates; the folders in results/DATASET are the names.",
        )
    paths = dataset_paths(dataset, workspace) if dataset else None
    alike = on_same_cases(
        {name: read_run(run, paths, truth) for name, run in short_names(runs).items()}
    )
    first = next(iter(alike.runs.values()))
    models = models_of(runs, paths)
    raw = paths.raw if paths else None
    positive = positive_class or positive_of_any(models, raw)
    comparison = compute(alike, positive_index(first, positive), n_bootstrap, seed)
    comparison = with_spreads(comparison, spreads_of(short_names(runs), paths))
    comparison = with_selection(comparison, models)
    show(comparison)
    if output is not None:
        write_comparison(output, dataclasses.replace(comparison, command=invocation()))
        print(f"Comparison: {output}")
    return common.OK


def show(comparison: Comparison) -> None:
    """Print the pairs."""
    from ricenet_v2.cli.evaluate_tables import number

    common.table(
        f"{comparison.n_cases} cases of {comparison.n_patients} patients that all runs predicted",
        ("figure", "runs", "values", "difference", "p", "p (Holm)", "test"),
        [
            (
                pair.figure,
                f"{pair.a} - {pair.b}",
                f"{number(pair.value_a)}, {number(pair.value_b)}",
                f"{number(pair.difference)} ({number(pair.low)} to {number(pair.high)})",
                number(pair.p),
                number(pair.p_holm),
                "; ".join(filter(None, (pair.test, pair.warning))),
            )
            for pair in comparison.pairs
        ],
    )
    print(
        f"Intervals of {100 * comparison.level:g} % leave 0 out just where p is below "
        f"{1 - comparison.level:.2g} (before Holm's correction)."
    )
    if comparison.left_out:
        print(
            f"{len(comparison.left_out)} cases are not in all runs: "
            f"{', '.join(comparison.left_out)}"
        )
    print(comparison.note)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: compare(**options), "ricenet_compare", argv)


if __name__ == "__main__":
    sys.exit(main())
