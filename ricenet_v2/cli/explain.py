"""ricenet_explain: maps of what the networks looked at, measured and checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ricenet_v2.cli import common, folders, numbers
from ricenet_v2.cli.explain_tables import show

_KINDS = ("occlusion", "integrated_gradients", "hirescam", "gradcam")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Explain the predictions of a folder of patients: occlusion and gradient maps, where the "
        "attribution lies by isodose band and lesion, and whether the maps can be trusted."
    )
    common.add_new_cases(parser, "CASE_brain and CASE_lesion")
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
        help="region that is explained; NAME takes the mask CASE_NAME in the folder of masks",
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
        help="values that replace an occluded part of mri, ct, pet and other channels",
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
        help="how occlusion is computed; auto is exact",
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
        "--sanity", choices=("on", "off"), default="on", help="whether the maps are checked"
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
        help="device that computes: cuda, mps or cpu (if left out: the best that is there)",
    )
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
    case_timeout: float | None = None,
    workspace: Path | None = None,
) -> int:
    """Explain; the arguments are those of the command.

    Returns:
        0, or 1 when some cases failed.
    """
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.explanation.folder import explain_folder
    from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
    from ricenet_v2.explanation.options import KINDS, ExplanationOptions
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
    options = ExplanationOptions(
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
    explanation = explain_folder(
        ensemble,
        source,
        output,
        options,
        control=control,
        resume=resume,
        masks=masks,
        seconds=case_timeout,
    )
    show(explanation, options, output)
    return common.SOME_FAILED if explanation.failed else common.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: explain(**options), "ricenet_explain", argv)


if __name__ == "__main__":
    sys.exit(main())
