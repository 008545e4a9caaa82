"""The one tree of errors; each is also the built-in that a caller would expect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_PARTS = ("case", "file", "expected", "got", "remedy")


class RicenetError(Exception):
    """An error of this package, with case and file, what was expected and found, and what to do.

    Args:
        what: The fault in one sentence.
        case: Identifier of the case concerned.
        file: The file concerned.
        expected: Description of what would have been right.
        got: Value that was found instead.
        remedy: Action that the user can take.
    """

    def __init__(
        self,
        what: str,
        *,
        case: str | None = None,
        file: str | Path | None = None,
        expected: object = None,
        got: object = None,
        remedy: str | None = None,
    ) -> None:
        """Keep the parts and join them into the message."""
        self.what, self.case, self.file = what, case, file
        self.expected, self.got, self.remedy = expected, got, remedy
        self.python = ""
        super().__init__(self._message())

    def _message(self) -> str:
        parts = {
            "case": self.case,
            "file": self.file,
            "expected": self.expected,
            "got": self.got,
            "what to do": self.remedy,
            "from Python": self.python or None,
        }
        lines = [f"  {name}: {part}" for name, part in parts.items() if part is not None]
        return "\n".join([self.what, *lines])

    def set_python(self, words: str) -> None:
        """Say at the end of the message what its commands and options are in the Python interface.

        Args:
            words: Python names that replace the earlier ones; empty for none.
        """
        self.python = words
        self.args = (self._message(),)

    def with_parts(self, **parts: Any) -> Self:
        """The same error with other parts, e.g. `case` or `remedy`; the rest stays as it is."""
        kept = {name: getattr(self, name) for name in _PARTS}
        return type(self)(self.what, **kept | parts)


class DatasetError(RicenetError, ValueError):
    """A dataset folder, its tables or its images cannot be used."""


class RegionError(DatasetError):
    """The region of a plan cannot be determined in a case, e.g. because a mask is missing."""


class MissingChannelError(DatasetError):
    """A case lacks channels that are required, or too few are left."""


class OptionError(RicenetError, ValueError):
    """An argument or option of a function has an invalid value."""


class GeometryError(RicenetError, ValueError):
    """Grids do not match, or a grid is degenerate."""


class NameInPathError(RicenetError, ValueError):
    """A name would lead out of the folder that it belongs to, or no system takes it."""


class PlanError(RicenetError, ValueError):
    """No plan can be made, or a plan does not fit its use."""


class DocumentError(RicenetError, ValueError):
    """A JSON document is of another kind or version, or has wrong fields."""


class CheckpointError(RicenetError, RuntimeError):
    """A checkpoint is missing, damaged, or belongs to another plan."""


class TrainingError(RicenetError, RuntimeError):
    """Training cannot start or continue."""


class PluginError(RicenetError, ImportError):
    """A plugin is missing, cannot be imported, or does not work as specified."""


class InUseError(RicenetError, RuntimeError):
    """Another process, which the message names, reads or writes a folder."""


class StoppedError(TrainingError):
    """Training was asked to stop; the message is for the user."""


class DiskFullError(RicenetError, OSError):
    """No room is left where a file is to be written, or a quota or limit of its size is met."""


class DeviceLostError(RicenetError, RuntimeError):
    """The device failed, and this process can no longer use it."""


class WorkerError(RicenetError, RuntimeError):
    """The processes or machines that are to work cannot."""


class KilledError(WorkerError):
    """The process of some cases was killed, each time that they were tried; the rest is done."""


class LateError(RicenetError, TimeoutError):
    """Work took longer than it may."""

    @classmethod
    def after(cls, seconds: float) -> LateError:
        """The error of a case which was given up after so many seconds."""
        return cls(
            f"This took longer than {seconds:g} s and was stopped.",
            remedy="Check whether the drive of the images answers, and whether the images can be "
            "opened by other programs. Large images on a slow machine need a larger "
            "--case_timeout.",
        )
