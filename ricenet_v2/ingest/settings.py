"""Settings of a conversion: written with the dataset, and applied to new patients."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.core.packages import UPGRADE
from ricenet_v2.ingest.convert_options import RULES, ConvertOptions, check_options, without_place
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.described import listed_channels, other_channels
from ricenet_v2.records.ingest import IngestSettings, Stripped
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.manifest import ImageColumn
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.version import __version__

logger = logging.getLogger(__name__)

_PACKAGES = ("SimpleITK", "pydicom", "highdicom")
_OF_ONE_RUN = ("check", "allow_missing_channels")
_COMMANDS = ("brain_command",)
"""Options that run a program: a file that came with a model must not do that."""


def settings_of_dataset(
    dataset: Dataset,
    cases: Sequence[CaseProvenance],
    options: ConvertOptions,
    before: IngestSettings | None = None,
) -> IngestSettings:
    """Settings that are written with a dataset.

    Args:
        dataset: Its channels, in their order.
        cases: All that it lists.
        options: Options of their conversion.
        before: The present content, where none of the cases was converted since.
    """
    stripped = {case.is_stripped for case in cases}
    kinds: dict[bool, Stripped] = {True: "all", False: "none"}
    return IngestSettings(
        rules=RULES,
        channels=dataset.channels,
        stripped="some" if len(stripped) > 1 else kinds[stripped.pop()],
        brain=tuple(sorted({case.brain for case in cases})),
        options={
            field.name: without_place(value) if field.name in _COMMANDS else value
            for field in dataclasses.fields(options)
            for value in (getattr(options, field.name),)
            if field.name not in _OF_ONE_RUN
        },
        versions=_versions() if before is None else before.versions,
    )


def _versions() -> dict[str, str]:
    return {"ricenet_v2": __version__, **{name: metadata.version(name) for name in _PACKAGES}}


def followed(
    settings: IngestSettings,
    channels: Sequence[Channel],
    model: Path,
    commands: Mapping[str, str],
) -> ConvertOptions:
    """The options by which the patients of a model are converted as those of its dataset were.

    Args:
        settings: Settings of the model.
        channels: Channels on which its networks were trained.
        model: Its folder, for the error.
        commands: Programs that the user allows to be run, by the option that names each.

    Raises:
        DatasetError: The dataset was converted by other rules, with an option that this version
            does not know or a program that the user does not allow, or had other channels.
        OptionError: A package or program is missing.
    """
    if settings.rules != RULES:
        raise DatasetError(
            "The dataset of this model was converted by other rules than those of this version.",
            file=model,
            expected=f"rules {RULES}",
            got=f"rules {settings.rules}, of ricenet_v2 {settings.versions.get('ricenet_v2', '')}",
            remedy="Install that version to convert patients for this model. Or convert its "
            "dataset with this one, and plan and train again.",
        )
    if differing := other_channels(settings.channels, channels):
        raise DatasetError(
            "ingest.json of this model is not that of its dataset.",
            file=model,
            expected=listed_channels(channels),
            got=differing,
            remedy="Restore the file that training wrote there.",
        )
    _warn_versions(settings)
    options = _options(settings.options, commands)
    check_options(options)
    return options


def _options(kept: Mapping[str, Any], commands: Mapping[str, str]) -> ConvertOptions:
    """The options that travelled with a dataset; those that came later have their default."""
    for name in _COMMANDS:
        if kept.get(name) and kept[name] != without_place(commands.get(name, "")):
            raise DatasetError(
                "The dataset of this model was converted with a program, which is run only where "
                "you name it yourself.",
                expected=f"--{name} {kept[name]!r}",
                got=commands.get(name) or "nothing",
                remedy="Specify it if you know it and trust it.",
            )
    known = [field.name for field in dataclasses.fields(ConvertOptions)]
    unknown = sorted(set(kept) - set(known))
    try:
        if not unknown:
            named = {name: commands[name] for name in _COMMANDS if kept.get(name)}
            return ConvertOptions(**{**kept, **named})
        got = ", ".join(unknown)
    except OptionError as error:  # a value that is newer
        got = f"{error.what} {error.got}"
    raise DatasetError(
        "The dataset of this model was converted with options that this version cannot follow.",
        expected=", ".join(known),
        got=got,
        remedy=UPGRADE,
    )


def _warn_versions(settings: IngestSettings) -> None:
    now = _versions()
    differing = [
        f"{name} {then}, now {now[name]}"
        for name, then in settings.versions.items()
        if name in _PACKAGES and now[name] != then
    ]
    if differing:
        logger.warning(
            "The dataset of this model was converted with %s: voxels of new patients may differ a "
            "little from what they would have been.",
            "; ".join(differing),
        )


def columns_of(settings: IngestSettings) -> tuple[ImageColumn, ...]:
    """The columns of images in a manifest of such a dataset."""
    return tuple(
        ImageColumn(channel.kind, channel.name)
        for channel in settings.channels
        if not KINDS[channel.kind].is_dose
    )


def fault_of_head(settings: IngestSettings, case: CaseProvenance) -> DatasetError | None:
    """Why networks would see another head than in training; None where they would not."""
    if settings.stripped == "some" or case.is_stripped == (settings.stripped == "all"):
        return None
    if case.is_stripped:
        return DatasetError(
            "The head of this patient was removed, which it was not in training.",
            file="manifest.csv",
            expected="no mask in the column brain",
            got="one",
            remedy="Empty that cell.",
        )
    return DatasetError(
        "The head of this patient could not be removed, which it was in training.",
        file="manifest.csv",
        expected="a mask of the brain, in the coordinates of the reference, in the column brain",
        got="none",
        remedy="Specify one in the manifest, and the manifest with --manifest.",
    )


def notes_of(settings: IngestSettings, case: CaseProvenance) -> tuple[str, ...]:
    """Notes on a new patient for its prediction, in words."""
    if case.brain in settings.brain:
        return case.warnings
    known = " or ".join(settings.brain)
    return (*case.warnings, f"brain by {case.brain}, in training by {known}")
