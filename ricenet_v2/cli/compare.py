"""ricenet_compare: paired tests of runs on the same cases."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common

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


def compare(runs: Sequence[str], *, output: Path | None, **options: Any) -> int:
    """Compare; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.api.comparison import compare as compute

    compute(runs, output=output, **options, observer=show)
    if output is not None:
        print(f"Comparison: {output}")
    return common.OK


def show(comparison: Comparison) -> None:
    """Print the pairs."""
    from ricenet_v2.cli.evaluate_tables import number

    common.table(
        f"{comparison.n_cases} cases of {comparison.n_patients} patients that all runs predicted",
        ("metric", "runs", "values", "difference", "p", "p (Holm)", "test"),
        [
            (
                pair.metric,
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
        f"{100 * comparison.level:g} % intervals exclude 0 exactly where p is below "
        f"{1 - comparison.level:.2g} (before Holm's correction)."
    )
    if comparison.left_out:
        print(
            f"{len(comparison.left_out)} cases were not predicted by all runs: "
            f"{', '.join(comparison.left_out)}"
        )
    print(comparison.note)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: compare(**options), "ricenet_compare", argv)


if __name__ == "__main__":
    sys.exit(main())
