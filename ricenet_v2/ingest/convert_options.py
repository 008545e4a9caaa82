"""Options of a conversion."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
from pathlib import Path
from typing import Literal

from ricenet_v2.core.errors import OptionError
from ricenet_v2.core.options import options
from ricenet_v2.core.packages import check_package
from ricenet_v2.records.ranges import Factor

RULES = 3
"""Raised when the same files would be converted to other voxels; all cases are done again then."""
BrainMaskSource = Literal["nonzero", "deepbet"]
RegistrationEngine = Literal["simpleitk", "ants"]
INPUT, OUTPUT = "{input}", "{output}"
_WITHOUT_EFFECT = ("check", "brain_timeout", "allow_missing_channels")
"""Options that no voxel depends on."""
_OF_MASKS = ("brain_mask", "brain_command")


@options
class ConvertOptions:
    """Options of the conversion of cases.

    Attributes:
        check: Do everything but write.
        keep_head: Keep voxels outside of a brain mask, in which a face can be recognised.
        brain_mask: Source of the brain mask of a case whose row names none: `deepbet`, a network
            for T1 images of heads (`pip install '.[brain]'`), or `nonzero`, the region
            that is not zero, from which the head is not removed.
        brain_command: Command that makes it instead, e.g. `mri_synthstrip -i {input} -m {output}`;
            it runs without a shell, and its program has to be on this machine.
        brain_timeout: Seconds that this command may take for a case.
        registration: Engine that registers images: `simpleitk` or `ants` (`pip install '.[ants]'`).
        fine: End the registration at 1 mm instead of 2.
        eqd2: Alpha/beta in Gy, with which the dose of each plan is changed to that of the same
            effect in fractions of 2 Gy, before plans are summed; physical dose where None.
        allow_missing_channels: Cases may lack images, as long as one shows the patient. The first
            one that does is the reference of the others, where the first of all is missing.
    """

    check: bool = False
    keep_head: bool = False
    brain_mask: BrainMaskSource = "nonzero"
    brain_command: str = ""
    brain_timeout: float = 1800.0
    registration: RegistrationEngine = "simpleitk"
    fine: bool = False
    eqd2: Factor | None = None
    allow_missing_channels: bool = False

    def effect(self, *, has_mask: bool = False) -> str:
        """All that the voxels of a case depend on, as JSON.

        Options at their default are left out, so that new ones change nothing of what is there.

        Args:
            has_mask: Whether the row of the case names a brain mask, which makes none necessary.
        """
        without = (*_WITHOUT_EFFECT, *_OF_MASKS) if has_mask else _WITHOUT_EFFECT
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in without and getattr(self, field.name) != field.default
        }
        return json.dumps(values, sort_keys=True)


def settings_of(options: ConvertOptions, *, has_mask: bool) -> str:
    """Rules and options that determine the voxels of a case; see `ConvertOptions.effect`."""
    named = dataclasses.replace(options, brain_command=without_place(options.brain_command))
    return f"{RULES} {named.effect(has_mask=has_mask)}"


def without_place(command: str) -> str:
    """A command without the folder of its program, whose name may be that of a person."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that does not end, which is refused where it would be run
        return command
    return " ".join([Path(words[0]).name, *words[1:]]) if words else ""


def check_options(chosen: ConvertOptions) -> None:
    """Refuse options that contradict each other, or that this machine cannot follow.

    Raises:
        OptionError: A package or program is missing, or the command cannot be used.
    """
    if not chosen.brain_timeout > 0:
        raise OptionError(
            "Invalid value for brain_timeout.", expected="seconds above 0", got=chosen.brain_timeout
        )
    if chosen.brain_command and chosen.brain_mask != "nonzero":
        raise OptionError(
            "Two sources of brain masks are named.",
            expected="either brain_mask or brain_command",
            got=f"{chosen.brain_mask}, and a command",
        )
    if chosen.brain_mask == "deepbet":
        check_package("deepbet", "brain", "name masks in the column brain of the manifest")
    if chosen.registration == "ants":
        check_package("ants", "ants", "use registration simpleitk")
    if chosen.brain_command:
        words = words_of(chosen.brain_command)
        if shutil.which(words[0]) is None:
            raise OptionError(
                "The program of brain_command is not on this machine.",
                expected="a program that can be run from here",
                got=words[0],
                remedy="Install it, or write its whole path.",
            )


def words_of(command: str) -> list[str]:
    """The words of a command, as a shell would split them; nothing else of a shell is done.

    Raises:
        OptionError: It has no place for its input or output.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that does not end
        words = []
    text = " ".join(words)
    if not words or INPUT not in text or OUTPUT not in text:
        raise OptionError(
            "brain_command cannot be used.",
            expected=f"a command with {INPUT} and {OUTPUT}, e.g. hd-bet -i {INPUT} -o {OUTPUT}",
            got=command,
        )
    return words
