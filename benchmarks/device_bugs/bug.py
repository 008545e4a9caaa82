"""A fault of a device: a line of the package, what it becomes, and what CUDA makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Effect = Literal["wrong", "slow", "legal"]
"""`wrong`: an error or wrong values on CUDA; `slow`: the program waits for the device where it need
not; `legal`: neither, but another way than the one that is meant."""

TESTS = "tests/pretended_cuda"


@dataclass(frozen=True)
class DeviceBug:
    """A fault.

    Attributes:
        name: Name in words.
        file: File in the package.
        before: What stands there, once.
        after: What takes its place.
        effect: Effect on CUDA.
        tests: Those that may find it, as pytest selects them.
    """

    name: str
    file: str
    before: str
    after: str
    effect: Effect
    tests: tuple[str, ...]

    def planted(self, root: Path) -> str:
        """The text of its file with the fault.

        Args:
            root: Folder that holds the package.

        Raises:
            ValueError: The line does not stand there once: the fault is to be written anew.
        """
        text = (root / "ricenet_v2" / self.file).read_text(encoding="utf-8")
        if text.count(self.before) != 1:
            raise ValueError(
                f"{self.name}: {self.before!r} stands {text.count(self.before)} times in "
                f"{self.file}"
            )
        return text.replace(self.before, self.after)


def of_command(name: str) -> tuple[str, ...]:
    """The tests of a command."""
    return (f"{TESTS}/test_commands.py::test_{name}",)
