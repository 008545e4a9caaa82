"""ricenet_explain: maps of what the networks looked at, measured and checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ricenet_v2.cli import common, folders, numbers

if TYPE_CHECKING:
    from ricenet_v2.explanation.options import Options
    from ricenet_v2.records.explanation import CohortShare, Explanation

_KINDS = ("occlusion", "integrated_gradients", "hirescam", "gradcam")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Explain the predictions of a folder of patients: occlusion and gradient maps, where the "
        "attribution lies by isodose band and lesion, and whether the maps can be trusted."
    )
    common.add_new_cases(parser, "CASE_brain and CASE_lesion")
    parser.add_argument("--maps", nargs="+", choices=_KINDS, default=_KINDS, help="which")
    parser.add_argument(
        "--target", default="predicted", help="class to explain, or the predicted one of each case"
    )
    parser.add_argument(
        "--region",
        default="brain",
        metavar="brain|image|NAME",
        help="what is explained; NAME: the mask CASE_NAME in the folder of masks",
    )
    parser.add_argument(
        "--window_mm", type=numbers.millimetres, default=16.0, help="side of what is hidden"
    )
    parser.add_argument(
        "--stride_mm",
        type=numbers.millimetres,
        help="from one window to the next, a window if left out; half is eight times slower",
    )
    parser.add_argument(
        "--baseline",
        choices=("local_mean", "mirror", "zero"),
        default="local_mean",
        help="what hides a part of mri, ct, pet and other images",
    )
    parser.add_argument(
        "--dose_baseline",
        choices=("local_mean", "zero_gy"),
        default="local_mean",
        help="what hides a part of the dose",
    )
    parser.add_argument(
        "--method",
        choices=("auto", "full", "incremental", "coarse"),
        default="auto",
        help="how occlusion is computed; auto is exact",
    )
    parser.add_argument(
        "--memory_gb",
        type=numbers.gigabytes,
        default=2.0,
        help="that occlusion may take, GiB",
    )
    parser.add_argument(
        "--untrained",
        type=numbers.whole(0, 10_000),
        default=5,
        metavar="N",
        help="networks with random weights that each share is held against; 0 for none",
    )
    parser.add_argument("--sanity", choices=("on", "off"), default="on", help="check the maps")
    parser.add_argument(
        "--random_label_model",
        type=Path,
        metavar="FOLDER",
        help="model folder trained on shuffled labels, for the check",
    )
    parser.add_argument(
        "--seed", type=numbers.seed, default=0, help="of random weights, orders and moves"
    )
    parser.add_argument("--device", help="cuda, mps or cpu; the best there is if left out")
    common.add_workspace(parser)
    return parser


@folders.holding(folders.new_cases)
def explain(
    source: Path,
    output: Path,
    *,
    dataset: str | None = None,
    model: Path | None = None,
    plan: str = "auto",
    channels: str = "all",
    folds: Sequence[int] | None = None,
    checkpoint: str = "final",
    masks: Path | None = None,
    resume: bool = False,
    maps: Sequence[str] = _KINDS,
    target: str = "predicted",
    region: str = "brain",
    window_mm: float = 16.0,
    stride_mm: float | None = None,
    baseline: Literal["local_mean", "mirror", "zero"] = "local_mean",
    dose_baseline: Literal["local_mean", "zero_gy"] = "local_mean",
    method: Literal["auto", "full", "incremental", "coarse"] = "auto",
    memory_gb: float = 2.0,
    untrained: int = 5,
    sanity: Literal["on", "off"] = "on",
    random_label_model: Path | None = None,
    seed: int = 0,
    device: str | None = None,
    workspace: Path | None = None,
) -> int:
    """Explain; the arguments are those of the command.

    Returns:
        0, or 1 when some cases failed.
    """
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.explanation.folder import explain_folder
    from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
    from ricenet_v2.explanation.options import KINDS, Options
    from ricenet_v2.explanation.quantities.untrained import FEWEST
    from ricenet_v2.inference.ensemble import load_ensemble

    stride_mm = window_mm if stride_mm is None else stride_mm
    if not 0 < stride_mm <= window_mm or memory_gb <= 0:
        raise DatasetError(
            "Windows, strides and memory are above 0, and a stride is no larger than the window.",
            got=f"--window_mm {window_mm:g} --stride_mm {stride_mm:g} --memory_gb {memory_gb:g}",
        )
    if untrained < 0 or 0 < untrained < FEWEST:
        raise DatasetError(
            "Fewer networks have no spread that a share could be held against.",
            expected=f"--untrained 0, or {FEWEST} and more",
            got=f"--untrained {untrained}",
        )
    options = Options(
        occlusion=OcclusionSettings(
            window_mm=window_mm,
            stride_mm=stride_mm,
            image=baseline,
            dose=dose_baseline,
            method=method,
            memory_gb=memory_gb,
        ),
        kinds=tuple(kind for kind in KINDS if kind in maps),
        region=region,
        target=target,
        sanity=sanity == "on",
        untrained=untrained,
        seed=seed,
    )
    model = common.model_folder(model, dataset, plan, channels, workspace)
    ensemble = load_ensemble(model, folds, checkpoint, device)
    control = None
    if random_label_model is not None:
        control = load_ensemble(random_label_model, None, checkpoint, device)
    found = explain_folder(
        ensemble, source, output, options, control=control, resume=resume, masks=masks
    )
    _show(found, options, output)
    return common.SOME_FAILED if found.failed else common.OK


def _show(found: Explanation, options: Options, output: Path) -> None:
    """Tables of what was found."""
    from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON, REPORT_PART_JSON

    _show_cases(found, output)
    first = options.kinds[0]
    shown = [one for one in found.shares if one.map == first]
    if shown:
        common.table(
            _title(first, shown),
            ("part", "cases", "share", "expected", "excess", "p", "untrained", "p (untrained)"),
            [
                (
                    one.part,
                    one.n,
                    _percent(one.mean, one.interval),
                    "" if one.expected is None else f"{100 * one.expected:.1f} %",
                    "" if one.excess is None else _percent(one.excess, one.excess_interval),
                    "" if one.p is None else f"{one.p:.3f}",
                    "" if one.untrained is None else f"{100 * one.untrained:.1f} %",
                    "" if one.p_untrained is None else f"{one.p_untrained:.3f}",
                )
                for one in shown
            ],
            has_numbers=True,
        )
        print(
            "Dose in percent of the prescription, else of its 99.9th percentile. Shares are of the "
            "attribution inside the brain (outside: of all); expected: the part's share of the "
            "brain's volume; untrained: the mean share in maps of networks with random weights. A "
            "share tells of what was learnt only where both p are small."
        )
        if all(one.p is None for one in shown):
            print("Fewer than six patients: no intervals, and no p over patients.")
    if found.checks:
        common.table(
            "Sanity checks",
            (
                "map",
                "random weights",
                "shuffled labels",
                "deletion",
                "insertion",
                "folds",
                "verdict",
            ),
            [
                (
                    one.map,
                    f"{one.randomised:.2f}",
                    "not given" if one.control is None else f"{one.control:.2f}",
                    f"{one.deletion_gain:+.3f} ({100 * one.deletion_better:.0f} %)",
                    f"{one.insertion_gain:+.3f} ({100 * one.insertion_better:.0f} %)",
                    "one network" if one.agreement is None else f"{one.agreement:.2f}",
                    f"FAILED: {'; '.join(one.failed)}" if one.failed else "passed",
                )
                for one in found.checks
            ],
        )
        print(
            "Correlations with maps of random weights and of shuffled labels should be low, those "
            "of folds high. Deletion and insertion: gain over random orders, and the share of them "
            "that is beaten; chance beats half."
        )
    else:
        print("The maps were not checked (--sanity off).")
    files = (EXPLANATION_JSON, EXPLANATION_CSV, REPORT_PART_JSON)
    print(f"Maps, pictures and tables: {output} ({', '.join(files)})")


def _show_cases(found: Explanation, output: Path) -> None:
    from ricenet_v2.core import documents
    from ricenet_v2.explanation.folder import case_file
    from ricenet_v2.records.explanation import ExplainedCase
    from ricenet_v2.report.words import cases as count_of

    cases = [documents.read(ExplainedCase, case_file(output, case)) for case in found.cases]
    networks = len(found.checkpoint_hashes)
    rows = {
        "case": [case.case_id for case in cases],
        "explained class": [case.target for case in cases],
        "probability": [f"{case.probability:.3f}" for case in cases],
        "integrated gradients, error": [
            ", ".join(f"{100 * one.error:.1f} %" for one in case.completeness) for case in cases
        ],
        "warnings": ["; ".join(case.warnings) for case in cases],
    }
    rows = {name: cells for name, cells in rows.items() if any(cells) or not cases}
    by = "the network" if networks == 1 else f"the mean of {networks} networks"
    common.table(
        f"{count_of(len(cases))} explained. {common.RESEARCH_ONLY}",
        tuple(rows),
        list(zip(*rows.values(), strict=True)),
    )
    print(f"Probabilities are those of {by}, over mirrorings.")
    if found.failed:
        common.table(
            f"{count_of(len(found.failed))} failed", ("case", "error"), list(found.failed.items())
        )


def _title(name: str, shares: Sequence[CohortShare]) -> str:
    n = max(one.n for one in shares)
    of = "in one case" if n == 1 else "mean over cases"
    interval = (
        " (95 % interval by bootstrap of patients)" if any(s.interval for s in shares) else ""
    )
    return f"Where {name} lies, {of}{interval}"


def _percent(value: float, ends: tuple[float, float] | None) -> str:
    told = f"{100 * value:.1f} %"
    return told if ends is None else f"{told} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: explain(**options))


if __name__ == "__main__":
    sys.exit(main())
