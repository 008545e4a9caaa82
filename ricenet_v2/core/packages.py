"""Packages that come with an extra of this program, e.g. `pip install 'ricenet_v2[brain]'`."""

from __future__ import annotations

import importlib.util
from importlib import metadata

from ricenet_v2.core.errors import OptionError


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
            remedy=f"pip install 'ricenet_v2[{extra}]', or {otherwise}.",
        )


def version_of(distribution: str) -> str:
    """Version of an installed package; empty where it is not known."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
