"""Each explained case in a file of its own, kept so that an interrupted command can go on."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError, RicenetError
from ricenet_v2.core.files import sha256_of_file, sha256_of_text
from ricenet_v2.core.names import part
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.retained_cases import (
    Finished,
    check_own_file,
    check_rows,
    files_of_cases,
    listed,
    of_others,
    read_each,
    warn_kept,
)
from ricenet_v2.records.explained_case import MIGRATIONS, ExplainedCase
from ricenet_v2.records.explanation import Explanation
from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON
from ricenet_v2.store.raw import stored

logger = logging.getLogger(__name__)

_OF_SUMS = 1e-3

CASES = "cases"
"""Folder of the finished cases in that of the explanations."""
_GONE = (
    "Its maps or its picture are gone or damaged, and its images are not among these. Explain it "
    "again, with its images and --continue."
)


def maker_of(ensemble: Ensemble, control: Ensemble | None, options: ExplanationOptions) -> str:
    """SHA-256 over the networks and options that an explanation is made by."""
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    other = [] if control is None else [f"control {v}" for v in sorted(control.hashes.values())]
    same = replace(options.occlusion, batch=None, memory_gb=1.0)  # these do not change the maps
    facts = [*hashes, *other, repr(replace(options, occlusion=same)), *ensemble.odds.described]
    return sha256_of_text("\n".join(facts))


def case_file(output: Path, case_id: str) -> Path:
    """Path of the record of a case."""
    return stored(output / CASES / f"{part(case_id, 'case', output)}.json")


def read_case(file: Path) -> ExplainedCase:
    """The record of a case, of this or an earlier version."""
    return documents.read(ExplainedCase, file, MIGRATIONS)


def read_finished(output: Path, made_by: str, *, resume: bool) -> Finished[ExplainedCase]:
    """Read the explanations of earlier commands.

    Args:
        output: Folder.
        made_by: Digest of this command, see `maker_of`.
        resume: Whether it may go on with what is there.

    Raises:
        DatasetError: The folder holds explanations and `resume` is not set, or they were made by
            another model or other options.
    """
    files = files_of_cases(output / CASES)
    if (files or (output / EXPLANATION_JSON).exists()) and not resume:
        raise DatasetError(
            "The output folder already holds explanations.",
            file=output,
            expected="an empty or new folder",
            remedy="Choose another folder with -o, or resume with --continue.",
        )
    unchecked = []

    def read(file: Path) -> ExplainedCase:
        case = read_case(file)
        check_own_file(case.case_id, file)
        check_made_by(case, made_by, file)
        if not documents.holds_checksum(file):
            if fault := out_of_range(case):
                raise DocumentError("This explanation is damaged.", file=file, got=fault)
            unchecked.append(case.case_id)
        return case

    finished = read_each(files, read)
    if unchecked:
        logger.warning(
            "Explanations of an earlier version have no checksum; that their values are in range "
            "is all that could be seen of %s.",
            listed(unchecked),
        )
    return finished


def out_of_range(case: ExplainedCase) -> str:
    """Values of an explanation that are out of range, in words; empty where none is."""
    values = {"probability": case.probability}
    for record in case.maps:
        shares = record.shares
        for name, each in (("share", shares.found), ("expected", shares.expected), ("p", shares.p)):
            values |= {f"{name} of {part} in {record.name}": value for part, value in each.items()}
    for method, channels in case.channel_shares.items():
        values |= {f"share of {name} in {method}": value for name, value in channels.items()}
        if (total := sum(channels.values())) and abs(total - 1) > _OF_SUMS:
            return f"the shares of the channels in {method} sum to {total:.6g}"
    wrong = [f"{name}: {value}" for name, value in values.items() if not 0 <= value <= 1 + _OF_SUMS]
    return ", ".join(wrong[:3])


def check_made_by(case: ExplainedCase, made_by: str, file: Path) -> None:
    """Refuse to go on with a case of another model or other options.

    Raises:
        DatasetError: It was made so.
    """
    if case.made_by != made_by:
        raise DatasetError(
            "The output folder holds explanations of another model, version or other options.",
            case=case.case_id,
            file=file,
            remedy="Choose another folder with -o, or repeat the command with the same options.",
        )


def of_earlier(
    output: Path, finished: Finished[ExplainedCase], cases: Iterable[str]
) -> tuple[dict[str, ExplainedCase], dict[str, str]]:
    """Cases that are not present and earlier commands explained, and why others failed.

    A case that failed after it had been explained counts as failed: its files had changed.

    Args:
        output: Folder.
        finished: Cases that are finished, as `read_finished` returns them.
        cases: Cases that are present.

    Raises:
        DatasetError: The table has rows that would be lost.
    """
    cases = tuple(cases)
    check_rows(output / EXPLANATION_CSV, finished.cases(), cases)
    failed = of_others(_failed_before(output / EXPLANATION_JSON), cases)
    failed |= finished.damaged_of_others(cases)
    others = of_others(of_others(finished.whole, cases), failed)
    done = {case.case_id: case for case in others.values() if is_whole(case, output)}
    failed |= {case.case_id: _GONE for case in others.values() if case.case_id not in done}
    warn_kept("explanations", done)
    warn_kept("failures", failed)
    return done, failed


def is_whole(case: ExplainedCase, output: Path) -> bool:
    """Whether its maps and its picture are there, and as they were written where that is known."""
    try:
        stored = with_hashes(case, output)
    except OSError:
        return False
    return not case.files or case.files == stored.files


def with_hashes(case: ExplainedCase, output: Path) -> ExplainedCase:
    """The case with the hashes of the maps and the picture that were written for it."""
    named = [*(record.file for record in case.maps), case.picture]
    return replace(case, files={name: sha256_of_file(output / name) for name in named})


def _failed_before(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        return dict(documents.read(Explanation, file).failed)
    except RicenetError as error:
        logger.warning("The failed cases in %s are not known any more: %s", file, error.what)
        return {}
