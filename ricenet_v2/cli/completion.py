"""Completion of options and datasets in a shell, by argcomplete."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

_BEGUN_BY_SHELL = "_ARGCOMPLETE"


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a line may go on, and end; nothing where none asks.

    Args:
        parser: Parser of the command.
    """
    if _BEGUN_BY_SHELL not in os.environ:
        return
    import argcomplete

    for action in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        if action.dest == "dataset":
            setattr(action, "completer", _datasets)  # noqa: B010 - where argcomplete looks for it
    argcomplete.autocomplete(parser)


def _datasets(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Names of the datasets in the workspace of the line; none where there is no workspace."""
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.store.workspace import dataset_names

    workspace: Path | None = getattr(parsed_args, "workspace", None)
    try:
        return list(dataset_names(workspace))
    except DatasetError:
        return []
