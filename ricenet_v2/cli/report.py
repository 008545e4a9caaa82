"""ricenet_report: everything about a trained model in one offline folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ricenet_v2.cli import common, numbers


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Write a folder with index.html and a page per case: cohort, plan, training, metrics, "
        "curves, cases, methods, checklists. It opens from disk in any browser and asks the "
        "network for nothing."
    )
    parser.add_argument(
        "dataset", metavar="DATASET", help="id, name or path of the raw dataset folder"
    )
    common.add_model(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs="+",
        default=[],
        metavar="PREDICTIONS",
        help="folders that ricenet_predict wrote, or their predictions.csv; with metrics where "
        "ricenet_evaluate was run on them",
    )
    parser.add_argument(
        "--sections",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folders of ricenet_explain, ricenet_ablate or ricenet_compare; those inside the "
        "folder of the model or of the predictions are found without it",
    )
    common.add_former_option(parser, "--parts", "--sections", type=Path, nargs="+")
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        help="output folder (if left out: report/ in the results of the model)",
    )
    parser.add_argument(
        "--max_mb",
        type=numbers.real(10, 1e6),
        default=95.0,
        help="largest size of the report in MB (millions of bytes); pictures and volumes of many"
        " cases become coarser to fit",
    )
    parser.add_argument(
        "--num_workers", type=numbers.processes, default=1, metavar="N", help="number of processes"
    )
    common.add_case_timeout(parser)
    common.add_workspace(parser)
    return parser


def report(dataset: str, *, max_mb: float, sections: Sequence[Path], **options: Any) -> int:
    """Write a report; the arguments are those of the command.

    Returns:
        0, or 1 where the images of some cases, or what other commands made of them, could not be
        shown.
    """
    from ricenet_v2.api.report import report as write

    written = write(dataset, sections=sections, max_megabytes=max_mb, **options)
    record, faults = written.record, written.faults
    if faults:
        common.table("Not shown: damaged, missing or late", ("case", "why"), faults.items())
    if written.missing:
        rows = [(part.what, part.command, part.how) for part in written.missing]
        common.table("Not found, so not in the report", ("what", "made by", "how"), rows)
    print(f"Report of {record.n_cases} cases, {record.n_bytes / 1e6:.3g} MB: {written.index}")
    print(record.note)
    return common.SOME_FAILED if faults else common.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: report(**options), "ricenet_report", argv)


if __name__ == "__main__":
    sys.exit(main())
