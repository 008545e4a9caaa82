"""ricenet_explain: maps of what the networks looked at, measured and checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ricenet_v2.cli import common, numbers
from ricenet_v2.cli.explain_tables import show

if TYPE_CHECKING:
    from ricenet_v2.explanation.options import ExplanationOptions

_KINDS = ("occlusion", "integrated_gradients", "hirescam", "gradcam")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Explain the predictions of a folder of patients: occlusion and gradient maps, where the "
        "attribution lies by isodose band and lesion, and whether the maps can be trusted."
    )
    common.add_new_cases(
        parser, "CASE_brain and CASE_lesion", "; or a raw dataset, whose test cases are explained"
    )
    common.add_case_timeout(parser)
    parser.add_argument(
        "--maps", nargs="+", choices=_KINDS, default=_KINDS, help="kinds of attribution maps"
    )
    parser.add_argument(
        "--target",
        default="predicted",
        help="class that is explained; predicted: the predicted class of each case",
    )
    parser.add_argument(
        "--region",
        default="brain",
        metavar="brain|image|NAME",
        help="region that is explained; brain is that of the plan, which may be the head; NAME "
        "takes the mask CASE_NAME in the folder of masks",
    )
    parser.add_argument(
        "--window_mm",
        type=numbers.millimetres,
        default=16.0,
        help="edge length in mm of the cubes that are occluded",
    )
    parser.add_argument(
        "--stride_mm",
        type=numbers.millimetres,
        help="distance in mm between neighbouring cubes (if left out: their edge length); half "
        "of it takes eight times as long",
    )
    parser.add_argument(
        "--baseline",
        choices=("local_mean", "mirror", "zero"),
        default="local_mean",
        help="values that replace an occluded part of channels other than doses and masks",
    )
    parser.add_argument(
        "--dose_baseline",
        choices=("local_mean", "zero_gy"),
        default="local_mean",
        help="values that replace an occluded part of the dose",
    )
    parser.add_argument(
        "--method",
        choices=("auto", "full", "incremental", "coarse"),
        default="auto",
        help="method of occlusion; auto is exact",
    )
    parser.add_argument(
        "--memory_gb",
        type=numbers.gigabytes,
        default=2.0,
        help="memory in GiB that occlusion may take",
    )
    parser.add_argument(
        "--untrained",
        type=numbers.whole(0, 10_000),
        default=5,
        metavar="N",
        help="number of networks with random weights that each share is compared with; 0 for none",
    )
    parser.add_argument(
        "--sanity",
        choices=("on", "off"),
        default="on",
        help="check of the maps; shares are compared with untrained networks either "
        "way, see --untrained",
    )
    parser.add_argument(
        "--random_label_model",
        type=Path,
        metavar="FOLDER",
        help="folder of a model that was trained on shuffled labels, for the check",
    )
    parser.add_argument(
        "--seed",
        type=numbers.seed,
        default=0,
        help="random seed of weights, orders and shifts in the checks",
    )
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    common.add_workspace(parser)
    return parser


def explain(
    source: Path,
    output: Path,
    *,
    dataset: str | None,
    model: Path | None,
    plan: str,
    channels: str,
    workspace: Path | None,
    random_label_model: Path | None,
    **options: Any,
) -> int:
    """Explain; the arguments are those of the command.

    Returns:
        0, or 1 when some cases failed.
    """
    from ricenet_v2.api.explanation import explain as explain_folder

    execution = {
        name: options.pop(name)
        for name in ("checkpoint", "masks", "resume", "device", "case_timeout")
    }
    named = (model, dataset, plan, channels, workspace)
    folder, folds = common.named_model(*named, options.pop("folds"))
    chosen = _options(**options)
    explanation = explain_folder(
        source,
        output,
        folder,
        chosen,
        folds=folds,
        control=random_label_model,
        **execution,
        observer=lambda each: show(each, chosen, output),
    )
    return common.SOME_FAILED if explanation.failed else common.OK


def _options(
    *,
    maps: Sequence[str],
    sanity: str,
    window_mm: float,
    stride_mm: float | None,
    baseline: Literal["local_mean", "mirror", "zero"],
    dose_baseline: Literal["local_mean", "zero_gy"],
    method: Literal["auto", "full", "incremental", "coarse"],
    memory_gb: float,
    **options: Any,
) -> ExplanationOptions:
    """The options of the command line as a record."""
    from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
    from ricenet_v2.explanation.options import KINDS, ExplanationOptions

    return ExplanationOptions(
        occlusion=OcclusionSettings(
            window_mm=window_mm,
            stride_mm=window_mm if stride_mm is None else stride_mm,
            image=baseline,
            dose=dose_baseline,
            method=method,
            memory_gb=memory_gb,
        ),
        kinds=tuple(kind for kind in KINDS if kind in maps),
        sanity=sanity == "on",
        **options,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: explain(**options), "ricenet_explain", argv)


if __name__ == "__main__":
    sys.exit(main())
