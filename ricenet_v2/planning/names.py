"""The names of the presets; imports nothing, so that a command can list them at once."""

from __future__ import annotations

PRESETS = ("auto", "paper", "resenc_l", "small")
