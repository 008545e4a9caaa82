"""Provenance of a report: commands, versions, hashes."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from ricenet_v2.core.command import portable, text_of
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.version import __version__

_PACKAGES = ("numpy", "scipy", "scikit-learn", "matplotlib", "SimpleITK", "torch", "jinja2")


def versions() -> dict[str, str]:
    """Versions of this program, of Python, and of the packages that matter."""
    programs = {"ricenet_v2": __version__, "python": platform.python_version()}
    return programs | {name: installed for name in _PACKAGES if (installed := _version(name))}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def commands(sources: Sources, report_command: Sequence[str]) -> list[tuple[str, str]]:
    """Results with the command that made them; equal commands once, the plan's first.

    Files of earlier versions do not name their command and are not listed.
    """
    plan = command_text(sources.plan.command) if sources.plan is not None else ""
    folds: dict[str, list[int]] = {}
    for fold in sources.folds:
        folds.setdefault(command_text(fold.run.command), []).append(fold.number)
    by_command = {plan: ["plan"]}
    for text, numbers in folds.items():
        by_command.setdefault(text, []).append(f"fold {', '.join(map(str, numbers))}")
    for name, command in _others(sources):
        by_command.setdefault(command_text(command), []).append(name)
    rows = [("; ".join(names), text) for text, names in by_command.items() if text]
    return [*rows, ("this report", command_text(report_command))]


def _others(sources: Sources) -> Iterator[tuple[str, Sequence[str]]]:
    """Documents other than the folds', and their commands."""
    for result in sources.results:
        if result.predictions is not None:
            yield f"predictions, {result.title}", result.predictions.command
        if result.evaluation is not None:
            yield f"metrics, {result.title}", result.evaluation.command
    if sources.calibration is not None:
        yield "calibration", sources.calibration.command
    if sources.centres is not None:
        yield f"metrics by {sources.centres.column}", sources.centres.command
    if sources.seeds is not None:
        yield "variance over training seeds", sources.seeds.command
    for name, comparison in sources.comparisons.items():
        yield f"comparison {name}", comparison.command


def command_text(command: Sequence[str]) -> str:
    """The command as typed, with `~` for the home folder."""
    return text_of(portable(command))


def hashes(sources: Sources) -> list[tuple[str, str]]:
    """SHA-256 of the plan, of checkpoints, and of every file that was read."""
    rows = [
        (f"fold {fold.number}, {what}", digest)
        for fold in sources.folds
        for what, digest in (
            ("plan and settings", fold.run.plan_hash),
            ("inputs of the preprocessed cases", fold.run.preprocessed_hash),
            ("cases, sides, labels and patients", fold.run.fold_hash),
        )
        if digest
    ]
    rows += [
        (f"{result.name}, checkpoint of {name}", digest)
        for result in sources.results
        if result.predictions
        for name, digest in sorted(result.predictions.checkpoint_hashes.items())
    ]
    return [*rows, *sorted(sources.inputs.items())]
