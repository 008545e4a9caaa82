"""How a report came about: commands, versions, hashes."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ricenet_v2.report.results.sources import Sources
from ricenet_v2.version import __version__

_PACKAGES = ("numpy", "scipy", "scikit-learn", "matplotlib", "SimpleITK", "torch", "jinja2")


def versions() -> dict[str, str]:
    """Of this program, Python, and the packages that matter."""
    found = {"ricenet_v2": __version__, "python": platform.python_version()}
    return found | {name: told for name in _PACKAGES if (told := _version(name))}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def commands(sources: Sources, own: Sequence[str]) -> list[tuple[str, str]]:
    """What was done and the command that did it; equal commands once, this report's last."""
    found: dict[str, list[int]] = {}
    for fold in sources.folds:
        found.setdefault(command_text(fold.run.command), []).append(fold.number)
    rows = [(f"fold {', '.join(map(str, folds))}", text) for text, folds in found.items()]
    return [*rows, ("this report", command_text(own))]


def command_text(words: Sequence[str]) -> str:
    """As typed, with `~` for the home folder, whose name may be that of a person."""
    if not words:
        return ""
    program = Path(words[0])
    stem = program.stem if program.suffix == ".py" else program.name
    name = stem if stem.startswith("ricenet_") or program.suffix != ".py" else f"ricenet_{stem}"
    home = str(Path.home())
    rest = [word.replace(home, "~") if len(home) > 1 else word for word in words[1:]]
    return shlex.join([name, *rest]).replace("'~", "~'") if rest else name


def hashes(sources: Sources) -> list[tuple[str, str]]:
    """SHA-256 of the plan, of checkpoints, and of every file that was read."""
    rows = [
        (f"fold {fold.number}, plan and settings", fold.run.plan_hash) for fold in sources.folds
    ]
    rows += [
        (f"{result.name}, checkpoint of {name}", one)
        for result in sources.results
        if result.predictions
        for name, one in sorted(result.predictions.checkpoint_hashes.items())
    ]
    return [*rows, *sorted(sources.inputs.items())]
