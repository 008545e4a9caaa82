"""Settings of augmentations that other packages bring, for `--set`."""

from __future__ import annotations

from typing import Any

from ricenet_v2.records.augmentations import AUGMENTATIONS, CHANCE

SECTION = "augmentation"


def path_of(name: str, training: dict[str, Any]) -> list[str]:
    """The keys of a setting in the section of the plan.

    `augmentation.p_NAME` is the probability of the change NAME, `augmentation.NAME.SETTING` a
    setting of it; a change that the plan does not have comes into it with probability 0.

    Args:
        name: Name as given to `--set`.
        training: The training section as plain fields; a change that is named is put into it.

    Raises:
        PluginError: The package that brings the change cannot be imported.
    """
    path = name.split(".")
    if path[0] != SECTION or len(path) not in {2, 3} or path[1] in training[SECTION]:
        return path
    change = path[1] if len(path) == 3 else path[1].removeprefix(CHANCE)
    if change not in AUGMENTATIONS.names or (len(path) == 2 and change == path[1]):
        return path
    further = training[SECTION].setdefault("further", {})
    entry = further.setdefault(change, {"probability": 0.0})
    if len(path) == 2:
        return [SECTION, "further", change, "probability"]
    settings = entry.setdefault("settings", {})
    if path[2] in AUGMENTATIONS[change].settings:
        settings.setdefault(path[2], AUGMENTATIONS[change].settings[path[2]])
    return [SECTION, "further", change, "settings", path[2]]


def names_of(training: dict[str, Any]) -> list[str]:
    """Names of the settings for changes that other packages bring."""
    section = f"{SECTION}."
    names = [f"{section}{CHANCE}{name}" for name in AUGMENTATIONS.names]
    for name in training[SECTION].get("further", {}):
        known = AUGMENTATIONS.get(name)
        names += [f"{section}{name}.{each}" for each in (known.settings if known else ())]
    return names
