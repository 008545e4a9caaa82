"""How well few windows and gradients give the map of all windows, and for how much of the work.

    python -m benchmarks.coarse --write documentation/benchmarks.md

The network is that of `benchmarks.attribution`, trained here if it is not there yet; the maps are
those of its first test cases, all channels hidden at once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from benchmarks import page
from benchmarks.attribution import carry_out, parser, subject_of
from ricenet_v2.core.progress import track
from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.maps import probabilities_of
from ricenet_v2.explanation.occlusion.full import FullPass
from ricenet_v2.explanation.occlusion.occlude import OcclusionMap, occlude
from ricenet_v2.explanation.occlusion.passes import Runner
from ricenet_v2.explanation.occlusion.prepared import Occlusions, prepare
from ricenet_v2.explanation.occlusion.settings import Method, OcclusionSettings
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.raw import RawDataset

Layout = tuple[float, float]
METHODS: tuple[Method, ...] = ("full", "incremental", "coarse")
LAYOUTS: tuple[Layout, ...] = ((28.0, 14.0), (21.0, 7.0), (21.0, 21.0))
"""Window and stride, mm."""
MANY = {(21.0, 7.0)}
"""So many windows that they are looked at in fewer cases."""


@dataclass(frozen=True)
class Compared:
    """One map made both ways.

    Attributes:
        layout: Window and stride, mm.
        n_windows: Number of windows of the full map.
        correlation: Spearman's, of the voxels of the brain.
        cost: Multiply-adds of `coarse`, as a share of one forward pass for every window.
        times: CPU seconds by method, as a share of those of every image through the whole network.
        same_peak: Whether the largest value of both maps is the same.
    """

    layout: Layout
    n_windows: int
    correlation: float
    cost: float
    times: dict[Method, float]
    same_peak: bool


def compare(raw: RawDataset, ensemble: Ensemble, chosen: argparse.Namespace) -> list[Compared]:
    """All layouts for the first test cases."""
    (network,) = (member for member in ensemble.members.values() if isinstance(member, Classifier))
    comparisons = []
    cases = track(raw.split("test")[: chosen.explained], "explaining")
    for number, case in enumerate(cases):
        subject = subject_of(raw, ensemble, case)
        comparisons += [
            _compared(network, subject, ensemble.plan, layout)
            for layout in LAYOUTS
            if layout not in MANY or number < chosen.explained_many
        ]
    return comparisons


def _compared(network: Classifier, subject: Subject, plan: Plan, layout: Layout) -> Compared:
    called = int(probabilities_of({0: network}, subject.array).argmax())
    maps: dict[Method, OcclusionMap] = {}
    seconds: dict[Method, float] = {}
    for method in METHODS:
        settings = OcclusionSettings(*layout, dose="local_mean", method=method)
        hidden = prepare(subject.array, subject.region, plan, settings, subject.case_id)
        start = time.process_time()
        maps[method] = occlude(network, hidden, called)
        seconds[method] = time.process_time() - start
    whole = _seconds_of_whole_passes(network, hidden)
    full, coarse = (maps[name].logit[subject.region] for name in ("full", "coarse"))
    return Compared(
        layout=layout,
        n_windows=maps["full"].n_windows,
        correlation=float(stats.spearmanr(full, coarse).statistic),
        cost=maps["coarse"].cost_share,
        times={name: seconds[name] / whole for name in METHODS},
        same_peak=bool(full.argmax() == coarse.argmax()),
    )


@torch.inference_mode()
def _seconds_of_whole_passes(network: Classifier, hidden: Occlusions) -> float:
    start = time.process_time()
    runner = Runner(network, hidden, FullPass(network, hidden))
    runner.logits(np.arange(len(hidden.windows)))
    return time.process_time() - start


def section(comparisons: Sequence[Compared], chosen: argparse.Namespace) -> str:
    """Markdown."""
    rows = []
    for layout in LAYOUTS:
        of_layout = [comparison for comparison in comparisons if comparison.layout == layout]
        correlations = [comparison.correlation for comparison in of_layout]
        times = {
            name: statistics.median(comparison.times[name] for comparison in of_layout)
            for name in METHODS
        }
        rows.append(
            (
                "{:g} mm, {:g} mm apart".format(*layout),
                str(len(of_layout)),
                f"{statistics.median(comparison.n_windows for comparison in of_layout):.0f}",
                f"{statistics.median(correlations):.3f} ({min(correlations):.3f})",
                f"{max(comparison.cost for comparison in of_layout):.3f}",
                f"{times['coarse']:.2f}",
                f"{times['incremental']:.2f}",
                f"{times['full']:.2f}",
                f"{sum(comparison.same_peak for comparison in of_layout)} of {len(of_layout)}",
            )
        )
    head = (
        f"Test cases of {' x '.join(map(str, chosen.shape))} voxels of "
        f"{chosen.spacing:g} mm; "
        f"{page.machine('torch', 'scipy')}. Correlation: Spearman's, of the voxels of the brain, "
        "median and least. Work and time: as a share of all occluded images through the whole "
        "network, its first layer included; work counts "
        "multiply-adds, at most; time is CPU seconds of the process, median. Goals: 0.95, 0.2."
    )
    columns = (
        "windows", "cases", "number", "correlation", "work", "time",
        "time of incremental, all windows", "time of full, all windows",
        "largest value at the same place",
    )  # fmt: skip
    return f"{head}\n\n{page.table(columns, rows)}"


if __name__ == "__main__":
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--explained", type=int, default=20, help="test cases")
    options.add_argument(
        "--explained_many", type=int, default=3, help="of them with the most windows"
    )
    carry_out("coarse", options.parse_args(), compare, section)
