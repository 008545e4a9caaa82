"""Makes little of work whose size proves nothing: wide networks, many updates, large pictures."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from ricenet_v2.api import conversion, plan_choice, planning_work, studies
from ricenet_v2.core.files import replacing
from ricenet_v2.explanation.sanity import curves
from ricenet_v2.ingest import checks, registration
from ricenet_v2.planning import networks, schedule
from ricenet_v2.records.run import EpochRow
from ricenet_v2.reporting import svg
from ricenet_v2.reporting.case import scene
from ricenet_v2.training import fold
from ricenet_v2.training.curves import draw_progress
from tests.case_picture import case_picture

Set = Callable[[object, str, Any], None]
"""As `setattr`, or that of a monkeypatch."""


COARSE = "RICENET_TESTS_COARSE"
"""In the environment of a process that is forked for a test: it calls `coarse_checks`."""


def shrink(patch: Set) -> None:
    """Plans have narrow networks and epochs of one update, images are registered coarsely.

    Pictures have fewer pixels, maps are compared with few random orders, and curves of all runs
    and files of all charts are the same.
    """
    patch(networks, "FIRST_FEATURES", 4)
    patch(networks, "SMALL_FIRST", 2)
    patch(schedule, "_iterations", lambda *_: 1)
    patch(registration, "_MIDDLE", ())
    few_orders(patch)
    patch(scene, "_ENLARGED", 0.5)
    the_same_curves(patch)
    the_same_charts(patch)


def few_orders(patch: Set) -> None:
    """Maps are compared with few random orders, and in few steps."""
    patch(curves, "N_RANDOM", 3)
    patch(curves, "STEPS", 4)


def the_same_charts(patch: Set) -> None:
    """Files of all charts are those of one, since each takes longer than what it shows."""

    def write(_drawn: Axes, stem: Path, _title: str) -> None:
        for ending, content in chart_files().items():
            stem.with_name(f"{stem.name}{ending}").write_bytes(content)

    patch(svg, "write", write)


_WRITE_CHART = svg.write


@functools.cache
def chart_files() -> dict[str, bytes]:
    """The files of an empty chart, by their ending."""
    with tempfile.TemporaryDirectory() as folder:
        _WRITE_CHART(svg.axes(2.0, 2.0), Path(folder, "chart"), "")
        return {file.suffix: file.read_bytes() for file in Path(folder).iterdir()}


def the_same_case_pictures(patch: Set) -> None:
    """Converted cases are not drawn, which takes longer than their conversion."""
    patch(conversion, "write_case_picture", case_picture)
    patch(studies, "write_case_picture", case_picture)


def classes_looked_up_once(patch: Set) -> None:
    """highdicom reads hundreds of attributes of a class for each slice, always to the same end."""
    from highdicom import image

    known = functools.cache(image.does_iod_have_pixel_data)
    patch(image, "does_iod_have_pixel_data", known)


def coarse_checks(patch: Set) -> None:
    """Registered images are compared by voxels of 4 mm; those of simulated patients have 5 mm."""
    patch(checks, "_SPACING_MM", 4.0)


def the_same_curves(patch: Set) -> None:
    """All runs have the same curves, since drawing them takes as long as a tiny training."""
    patch(fold, "draw_progress", lambda _rows, path, _title: path.write_bytes(progress_picture()))


def the_same_costs(patch: Set) -> None:
    """The cost of a network is counted once in a process: it depends on its arguments alone."""
    patch(plan_choice, "estimate", _once(plan_choice.estimate))
    patch(planning_work, "stage_costs", _once(planning_work.stage_costs))


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which is called once for arguments that look alike."""
    results: dict[str, Any] = {}

    @functools.wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        key = repr((given, named))
        if key not in results:
            results[key] = function(*given, **named)
        return results[key]

    return called


@functools.cache
def progress_picture() -> bytes:
    """The picture of a run of one epoch."""
    row = EpochRow(0, 0.01, 0.7, 0.7, 0.5, 0.5, 1.0, 0.1, 0.1)
    with tempfile.TemporaryDirectory() as folder:
        draw_progress([row], path := Path(folder, "progress.png"), "")
        return path.read_bytes()


def the_same_plan_page(patch: Set, kept: Path | None = None) -> None:
    """Pages of all plans are that of the first: their charts take longer than a tiny plan.

    Args:
        patch: Is called with what is exchanged.
        kept: Where the first is kept for other processes.
    """
    real, texts = planning_work.write_plan_page, []

    def write(path: Path, *given: Any) -> None:
        if not texts and kept is not None and kept.exists():
            texts.append(kept.read_bytes())
        if not texts:
            real(path, *given)
            texts.append(path.read_bytes())
            if kept is not None:
                with replacing(kept) as temporary:
                    temporary.write_bytes(texts[0])
        path.write_bytes(texts[0])

    patch(planning_work, "write_plan_page", write)
