"""Plugins of a plan, and whether they are installed when the plan is used."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ricenet_v2.core.errors import PluginError
from ricenet_v2.core.plugins import installed
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import PluginUse

logger = logging.getLogger(__name__)

PRESETS, READERS = "presets", "readers"
"""Groups: a preset is needed to make a plan and not to use it; a reader follows the images."""


def with_plugins(plan: Plan, file_ending: str = "") -> Plan:
    """The plan with a record of each plugin that it uses, as it is installed now.

    Args:
        plan: Any plan.
        file_ending: File ending of the images of its dataset, e.g. `.npz`; if empty, the reader
            recorded in the plan is used, as is the preset with which the plan was made.
    """
    kept = [use for use in plan.plugins if use.group == PRESETS]
    kept += [use for use in plan.plugins if use.group == READERS and not file_ending]
    groups = {use.group for use in kept}
    uses = (
        PluginUse(group, name, plugin.package, plugin.version)
        for group, name in _named(plan, file_ending)
        for plugin in installed(group)
        if plugin.name == name and group not in groups
    )
    return dataclasses.replace(plan, plugins=tuple(dict.fromkeys((*kept, *uses))))


def _named(plan: Plan, file_ending: str) -> Iterator[tuple[str, str]]:
    """Group and name of all that a plan names and that a plugin may bring."""
    yield PRESETS, plan.preset
    yield "networks", plan.network.architecture
    for channel in plan.channels:
        yield "normalisation", channel.normalisation.scheme
    for name, change in plan.training.augmentation.further.items():
        if change.probability > 0:
            yield "augmentations", name
    if file_ending:
        yield READERS, file_ending.lower().removeprefix(".")


def require(plan: Plan, file: Path | None = None) -> None:
    """See that the packages are installed which a plan needs; another version is a warning.

    Args:
        plan: Plan that is to be used.
        file: It, or the folder of its model, for messages.

    Raises:
        PluginError: A package is missing; the text says how to install it.
    """
    missing = _lacking(plan, file)
    if missing:
        raise _missing(missing, file)


def warn_of_missing(plan: Plan, file: Path) -> None:
    """Warn of missing packages where what is done with a plan can do without them.

    Args:
        plan: Plan whose results are shown.
        file: It, or the folder of its model, for the message.
    """
    if missing := _lacking(plan, file):
        error = _missing(missing, file)
        logger.warning(
            "%s: %s is not installed. Names stand for what it brings, and images that it reads are "
            "left out. %s",
            file,
            error.expected,
            error.remedy,
        )


def _lacking(plan: Plan, file: Path | None) -> list[tuple[PluginUse, str]]:
    """Each plugin that is missing, with the packages that bring its name; warns of versions."""
    missing = []
    for use in plan.plugins:
        brought = [each for each in installed(use.group) if each.name == use.name]
        of_package = [each for each in brought if _as_pip(each.package) == _as_pip(use.package)]
        if not of_package and use.group != PRESETS:
            missing.append((use, ", ".join(plugin.origin for plugin in brought)))
        elif of_package and of_package[0].version != use.version:
            _warn(use, of_package[0].version, file or plan.name)
    return missing


def _as_pip(package: str) -> str:
    """The name of a package as pip compares it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _warn(use: PluginUse, version: str, where: Path | str) -> None:
    logger.warning(
        "%s: %s is used in version %s, and the plan was made with %s (%s: %s). Results may differ; "
        "pip install %s==%s gives the former.",
        where,
        use.package,
        version,
        use.version,
        use.group,
        use.name,
        use.package,
        use.version,
    )


def _missing(missing: Sequence[tuple[PluginUse, str]], file: Path | None) -> PluginError:
    uses = [use for use, _ in missing]
    named = [f"{use.package} {use.version} ({use.group}: {use.name})" for use in uses]
    others = [f"{use.name} of {brought}" for use, brought in missing if brought]
    install = " ".join(dict.fromkeys(f"{use.package}=={use.version}" for use in uses))
    trust = "these packages" if " " in install else "this package"
    return PluginError(
        "This plan needs plugins that are not installed.",
        file=file,
        expected=", ".join(named),
        got=", ".join(others) or "no package that brings it",
        remedy=f"If you trust {trust}: pip install {install}",
    )
