"""ricenet_convert: files of a hospital, or a public dataset, as a raw dataset folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ricenet_v2.cli import common, numbers
from ricenet_v2.core.machine import n_cores
from ricenet_v2.core.packages import installing

COHORTS = {
    "cfb-gbm": "CFB-GBM",
    "brain-tr-gammaknife": "Brain-TR-GammaKnife",
    "burdenko": "Burdenko-GBM-Progression",
    "lumiere": "LUMIERE",
    "ucsd-ptgbm": "UCSD-PTGBM",
}
"""Titles by command, as in `ingest/cohorts`, which a parser does not import."""


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Convert studies of a hospital, or a public dataset, to a raw dataset.")
    kinds = parser.add_subparsers(dest="kind", required=True, help="kind of conversion")
    _add_scan(kinds.add_parser("scan", help="list the series of an export, and propose cases"))
    _add_cases(kinds.add_parser("cases", help="convert the cases of a corrected manifest"))
    for name, what in COHORTS.items():
        _add_cohort(kinds.add_parser(name, help=f"propose and label cases of {what}"))
    _add_table(
        kinds.add_parser(
            "table", help="make a dataset of images, in any folders, and a table of labels"
        )
    )
    _add_lesions(kinds.add_parser("lesions", help="make a case of each lesion of a raw dataset"))
    _add_medmnist(kinds.add_parser("medmnist3d", help="convert a MedMNIST3D file"))
    return parser


def _add_scan(scan: argparse.ArgumentParser) -> None:
    scan.add_argument(
        "studies", type=Path, metavar="STUDIES", help="folder of DICOM and other images, any layout"
    )
    scan.add_argument(
        "-o",
        dest="work",
        type=Path,
        required=True,
        metavar="WORK",
        help="folder for series.csv and manifest.csv, which identify patients",
    )


def _add_cases(cases: argparse.ArgumentParser) -> None:
    cases.add_argument(
        "manifest", type=Path, metavar="MANIFEST", help="manifest.csv in the folder of the scan"
    )
    cases.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="raw dataset folder to write, e.g. raw/Dataset020_RICE",
    )
    cases.add_argument(
        "--num_workers",
        type=numbers.processes,
        default=min(8, n_cores()),
        metavar="N",
        help="largest number of processes",
    )
    cases.add_argument(
        "--check", action="store_true", help="do everything but write, and show what fails"
    )
    cases.add_argument(
        "--keep_head",
        action="store_true",
        help="keep voxels outside of a brain mask, in which a face can be recognised",
    )
    cases.add_argument(
        "--eqd2",
        type=numbers.real(1e-3, 1e3),
        metavar="GY",
        help="alpha/beta, e.g. 2 for brain: the dose of each plan is changed to that of the same "
        "effect in fractions of 2 Gy, before plans are summed (if left out: physical dose)",
    )
    cases.add_argument(
        "--allow_missing_channels",
        action="store_true",
        help="accept cases without an image of some channels, as long as one shows the patient; "
        "the column channels of cases.csv records which each has",
    )
    _add_masks(cases)
    common.add_case_timeout(cases)
    cases.add_argument(
        "--registration",
        choices=("simpleitk", "ants"),
        default="simpleitk",
        help=f"program that registers images; ants needs {installing('ants')}",
    )
    cases.add_argument(
        "--fine", action="store_true", help="end the registration of images at 1 mm instead of 2"
    )


def _add_masks(cases: argparse.ArgumentParser) -> None:
    masks = cases.add_mutually_exclusive_group()
    masks.add_argument(
        "--brain_mask",
        choices=("nonzero", "deepbet"),
        default="nonzero",
        help="source of the brain masks that the manifest does not name: the non-zero region, or "
        f"a network ({installing('brain')})",
    )
    masks.add_argument(
        "--brain_command",
        default="",
        metavar="COMMAND",
        help="command that makes the mask instead, e.g. 'hd-bet -i {input} -o {output}'",
    )
    cases.add_argument(
        "--brain_timeout",
        type=numbers.seconds,
        default=1800.0,
        metavar="SECONDS",
        help="time that this command may take for a case",
    )


def _add_cohort(cohort: argparse.ArgumentParser) -> None:
    cohort.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of the cohort, as it was published"
    )
    cohort.add_argument(
        "-o",
        dest="work",
        type=Path,
        required=True,
        metavar="WORK",
        help="folder for series.csv, manifest.csv and flow.csv",
    )
    cohort.add_argument(
        "--tables",
        type=Path,
        metavar="DIR",
        help="folder of the tables of the cohort (if left out: FOLDER)",
    )
    cohort.add_argument(
        "--rule",
        default="",
        metavar="NAME",
        help="rule of the labels (if left out: the first of documentation/cohorts.md)",
    )


def _add_table(table: argparse.ArgumentParser) -> None:
    table.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="folder of images: of nnU-Net, one folder for each patient, or all files in one",
    )
    table.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="raw dataset folder to write, e.g. raw/Dataset021_Lab",
    )
    table.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="table of cases and labels (if left out: the only .csv or .tsv file in FOLDER)",
    )
    table.add_argument(
        "--channels",
        nargs="+",
        default=[],
        metavar="NAME=KIND",
        help="channels with their kinds (mri, ct, pet, dose, mask, other), named as in the file "
        "names after the case id, or in the order of the numbers of numbered files (if left out: "
        "all, with kinds derived from their names)",
    )
    for what, meaning in (
        ("case", "ids that images, or their folders, begin with"),
        ("label", "classes"),
        ("patient", "patients"),
        ("split", "the words train and test"),
    ):
        table.add_argument(
            f"--{what}_column",
            default="",
            metavar="COLUMN",
            help=f"column of the {meaning} (if left out: one with a usual name)",
        )
    table.add_argument(
        "--positive_class",
        default="",
        metavar="NAME",
        help="positive class of two (if left out: the last one)",
    )
    table.add_argument(
        "--allow_missing_channels",
        action="store_true",
        help="cases that lack channels are taken, as long as one shows the patient; the column "
        "channels of cases.csv says which they have",
    )


def _add_lesions(lesions: argparse.ArgumentParser) -> None:
    lesions.add_argument(
        "dataset", metavar="DATASET", help="id, name or path of the raw dataset folder"
    )
    common.add_workspace(lesions)
    lesions.add_argument(
        "--mask_channel",
        action="store_true",
        help="add the mask of the lesion as a further channel",
    )


def _add_medmnist(medmnist: argparse.ArgumentParser) -> None:
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


def convert(kind: str, **options: Any) -> int:
    """Scan or convert; the arguments are those of the command.

    Returns:
        0, or 1 when some files cannot be read or some cases failed.
    """
    kinds: dict[str, Callable[..., int]] = {
        "scan": _scan,
        "cases": _cases,
        "lesions": _lesions,
        "medmnist3d": _medmnist3d,
        "table": _table,
        **{name: partial(_cohort, name) for name in COHORTS},
    }
    return kinds[kind](**options)


def _scan(studies: Path, work: Path) -> int:
    from ricenet_v2.api.conversion import scan_studies
    from ricenet_v2.cli.convert_tables import show_scan

    return show_scan(scan_studies(studies, work), work)


def _cases(manifest: Path, output: Path, **options: Any) -> int:
    from ricenet_v2.api.conversion import ConvertOptions, convert_cases
    from ricenet_v2.cli.convert_tables import show_cases

    running = {name: options.pop(name) for name in ("num_workers", "case_timeout")}
    result = convert_cases(manifest, output, ConvertOptions(**options), **running)
    return show_cases(result, output, is_check=options["check"])


def _cohort(name: str, folder: Path, work: Path, **options: Any) -> int:
    from ricenet_v2.api.cohorts import cohort_manifest
    from ricenet_v2.cli.convert_tables import show_cohort

    return show_cohort(cohort_manifest(name, folder, work, **options), COHORTS[name], work)


def _table(folder: Path, output: Path, **options: Any) -> int:
    from ricenet_v2.api.table_conversion import TableOptions, convert_table
    from ricenet_v2.cli.convert_tables import show_table

    return show_table(convert_table(folder, output, TableOptions(**options)))


def _lesions(dataset: str, **options: Any) -> int:
    from ricenet_v2.api.lesions import split_lesions

    split = split_lesions(dataset, **options)
    patients = {case.patient_id for case in split.cases}
    print(
        f"{len(split.cases)} cases, each one lesion, of {len(patients)} patients. Each has the "
        f"label of its patient: correct those that differ in {split.former.parent / 'cases.csv'}."
    )
    print(f"The table of whole images is kept as {split.former}")
    return common.OK


def _medmnist3d(source: Path, output: Path, **options: Any) -> int:
    from ricenet_v2.core.locks import using
    from ricenet_v2.ingest.medmnist import convert_medmnist3d

    with using(writes=[output]):
        folder = convert_medmnist3d(source, output, options["channel_kind"])
    print(f"The raw dataset is in {folder}")
    return common.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: convert(**options), "ricenet_convert", argv)


if __name__ == "__main__":
    sys.exit(main())
