"""Simulated patients who lack images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ricenet_v2.core.errors import OptionError
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.presence import lacks_anatomy

__all__ = ["checked", "described", "drawn"]


def checked(rates: Mapping[str, float] | None, channels: Sequence[Channel]) -> dict[str, float]:
    """The shares of patients who lack a channel, in the order of the channels; empty where none do.

    Raises:
        OptionError: There is no such channel, or a share is none.
    """
    names = [channel.name for channel in channels]
    given = dict(rates or {})
    if unknown := [name for name in given if name not in names]:
        raise OptionError(
            "There is no such channel.",
            expected=", ".join(names),
            got=", ".join(unknown),
        )
    if wrong := {name: rate for name, rate in given.items() if not 0 <= rate < 1}:
        raise OptionError(
            "Invalid share of patients who lack a channel.",
            expected="a number from 0 to below 1, so that some have it",
            got=", ".join(f"{name}={rate}" for name, rate in wrong.items()),
        )
    return {name: given[name] for name in names if given.get(name)}


def drawn(
    rates: Mapping[str, float], channels: Sequence[Channel], random: np.random.Generator
) -> tuple[str, ...]:
    """Channels that a patient lacks, whatever else is drawn of the patient.

    Each by itself; where nothing would be left that shows the patient, none is missing.
    """
    lacking = tuple(name for name, rate in rates.items() if random.random() < rate)
    return () if lacks_anatomy(channels, lacking) else lacking


def described(rates: Mapping[str, float] | None) -> str:
    """Text for the description of a cohort; empty where all have all images."""
    if not rates:
        return ""
    return ", missing: " + ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
