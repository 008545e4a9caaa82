"""The names of the presets; imports nothing heavy, so that a command can list them at once."""

from __future__ import annotations

from ricenet_v2.core.plugins import Names

PRESETS = Names("presets", ("auto", "paper", "resenc_l", "small"))
