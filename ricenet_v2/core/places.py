"""The home folder, whose name may be that of a person: files that are copied on call it `~`."""

from __future__ import annotations

import re
from pathlib import Path


def without_home(text: str) -> str:
    """The text with `~` for the home folder, wherever a path in it begins with that."""
    for name in _names_of_home():
        if name in text:
            # Not where it is the end of another path, or the beginning of another name.
            text = re.sub(rf"(?<![\w.~-]){re.escape(name)}(?![\w-])", "~", text)
    return text


def _names_of_home() -> list[str]:
    """The home folder as it is set, and where that leads; also as JSON writes it, on Windows.

    A user without an entry in the list of users, as in a container that is run for a number, and
    without HOME has none.
    """
    try:
        home = Path.home()
        homes = {str(home), str(home.resolve())}
    except (OSError, RuntimeError):
        return []
    names = {name for name in homes if Path(name).is_absolute() and len(Path(name).parts) > 1}
    names |= {name.replace("\\", "\\\\") for name in names}
    return sorted(names, key=len, reverse=True)
