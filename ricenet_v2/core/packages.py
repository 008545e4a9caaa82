"""Packages that come with an extra of this program, e.g. `pip install '.[brain]'`.

No index of packages has this program: its name there would be that of a stranger, so every message
installs from the source.
"""

from __future__ import annotations

import importlib.util

from ricenet_v2.core.errors import OptionError

UPGRADE = "Install a newer version of ricenet_v2 from its source."


def check_package(module: str, extra: str, otherwise: str) -> None:
    """Refuse an option whose package is not installed; nothing is imported.

    Args:
        module: Module name, as it is imported.
        extra: Extra that installs it.
        otherwise: Alternative that works without it.

    Raises:
        OptionError: It is missing.
    """
    if importlib.util.find_spec(module) is None:
        raise OptionError(
            f"{module} is not installed.",
            remedy=f"{installing(extra)}, or {otherwise}.",
        )


def installing(extra: str) -> str:
    """The command that installs the packages of an extra, in words."""
    return f"pip install '.[{extra}]' in the folder of the source of ricenet_v2"


def version_of(distribution: str) -> str:
    """Version of an installed package; empty where it is not known."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
