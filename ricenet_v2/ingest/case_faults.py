"""Why a case failed, without the name of a patient or the place of a file."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.ingest.case_inputs import CaseInputs

_SHORTEST = 5


@dataclass(frozen=True)
class CaseFault:
    """A row of the table at the end.

    Attributes:
        case_id: Pseudonym.
        line: Line of the manifest.
        what: Fault in one sentence.
        file: File in terms of the tables of the scan folder.
        expected: Description of what would have been right.
        got: Value that was found.
        remedy: Action that a person can take.
    """

    case_id: str
    line: int
    what: str
    file: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""


def fault_of_case(
    case_id: str, line: int, error: BaseException, inputs: CaseInputs | None = None
) -> CaseFault:
    """The fault that an exception is; texts of other libraries are not passed on."""
    names = {} if inputs is None else dict(inputs.names)
    if isinstance(error, OSError) and not isinstance(error, RicenetError):
        return CaseFault(
            case_id,
            line,
            "A file cannot be read or written.",
            names.get(str(error.filename), ""),
            got=error.strerror or type(error).__name__,
            remedy="Check whether the studies still exist, and whether this user may read them.",
        )
    if not isinstance(error, RicenetError):
        return CaseFault(
            case_id,
            line,
            "This case could not be converted.",
            got=type(error).__name__,
            remedy="Look at its files; if they are right, report this without the patient.",
        )
    file = "" if error.file is None else names.get(str(error.file), _other(str(error.file)))

    def plain(part: object) -> str:
        return "" if part is None else _without_files(str(part), inputs)

    return CaseFault(
        case_id,
        line,
        plain(error.what),
        file,
        plain(error.expected),
        plain(error.got),
        plain(error.remedy),
    )


def _other(file: str) -> str:
    """A file that no row names; those of the folder of the scan are called by their names alone."""
    return file if "/" not in file and "\\" not in file else "a file of the studies"


def _without_files(text: str, inputs: CaseInputs | None) -> str:
    for file in () if inputs is None else inputs.files:
        for name in (str(file), file.name):
            if len(name) >= _SHORTEST and not name.isdecimal() and name in text:
                text = text.replace(name, inputs.names.get(str(file), "a file") if inputs else "")
    return text
