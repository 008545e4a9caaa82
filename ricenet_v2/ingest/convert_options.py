"""What a user chooses for a conversion."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.core.options import options
from ricenet_v2.records.ranges import Factor

_WITHOUT_EFFECT = ("check", "brain_timeout")
"""Options that no voxel depends on."""
_OF_ONE_RUN = ("check",)
_COMMANDS = ("brain_command",)
"""Options that run a program: a file that came with a model must not do that."""


@options
class ConvertOptions:
    """How cases are converted.

    Attributes:
        check: Do everything but write.
        keep_head: Keep voxels outside of a brain mask, in which a face can be recognised.
        eqd2: Alpha/beta in Gy, with which the dose of each plan is changed to that of the same
            effect in fractions of 2 Gy, before plans are summed; physical dose where None.
    """

    check: bool = False
    keep_head: bool = False
    eqd2: Factor | None = None

    def effect(self) -> str:
        """All that voxels depend on, as JSON; empty where it is the default.

        Options that are added later and left at their default change nothing of it.
        """
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in _WITHOUT_EFFECT and getattr(self, field.name) != field.default
        }
        return json.dumps(values, sort_keys=True) if values else ""

    def kept(self) -> dict[str, Any]:
        """Values by name, as they travel with a dataset."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in _OF_ONE_RUN
        }


def options_of(kept: Mapping[str, Any], commands: Mapping[str, str]) -> ConvertOptions:
    """The options that travelled with a dataset; those that came later have their default.

    Args:
        kept: As `ConvertOptions.kept` gives them.
        commands: Programs that the user allows to be run, by the option that names each.

    Raises:
        DatasetError: An option that this version does not know, or a command that the user does not
            allow.
    """
    for name in _COMMANDS:
        if kept.get(name) and kept[name] != commands.get(name, ""):
            raise DatasetError(
                "The dataset of this model was converted with a program, which is run only where "
                "you name it yourself.",
                expected=f"--{name} {kept[name]!r}",
                got=commands.get(name) or "nothing",
                remedy="Name it if you know it and trust it.",
            )
    try:
        return ConvertOptions(**kept)
    except OptionError as error:
        raise DatasetError(
            "The dataset of this model was converted with options that this version cannot follow.",
            expected=", ".join(field.name for field in dataclasses.fields(ConvertOptions)),
            got=error.what,
            remedy="Upgrade ricenet_v2: pip install --upgrade ricenet_v2",
        ) from error
