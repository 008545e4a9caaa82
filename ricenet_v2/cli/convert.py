"""ricenet_convert: a public dataset as a raw dataset folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ricenet_v2.cli import common


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Convert a public dataset into a raw dataset folder.")
    kinds = parser.add_subparsers(dest="kind", required=True, help="format that is converted")
    medmnist = kinds.add_parser("medmnist3d", help="a MedMNIST3D file")
    medmnist.add_argument(
        "source", type=Path, metavar="FILE.npz", help="MedMNIST file (.npz) of 3D volumes"
    )
    medmnist.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="raw dataset folder to write, e.g. raw/Dataset010_Adrenal",
    )
    medmnist.add_argument(
        "--channel_kind",
        choices=("mask", "ct", "mri", "other"),
        help="kind of the channel (if left out: mask for volumes of two values, else other)",
    )
    return parser


def convert(
    kind: str,
    source: Path,
    output: Path,
    *,
    channel_kind: Literal["mask", "ct", "mri", "other"] | None = None,
) -> int:
    """Convert; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.core.locks import using
    from ricenet_v2.ingest.medmnist import convert_medmnist3d

    if kind != "medmnist3d":
        raise DatasetError("There is no such converter.", expected="medmnist3d", got=kind)
    with using(writes=[output]):
        folder = convert_medmnist3d(source, output, channel_kind)
    print(f"The raw dataset is in {folder}")
    return common.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: convert(**options), "ricenet_convert", argv)


if __name__ == "__main__":
    sys.exit(main())
