"""Each explained case in a file of its own, kept so that an interrupted command can go on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.names import part
from ricenet_v2.core.spelling import composed
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.retained_cases import check_rows, of_others, tell_kept
from ricenet_v2.records.explanation import MIGRATIONS, ExplainedCase, Explanation
from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON
from ricenet_v2.store.raw import stored

logger = logging.getLogger(__name__)

CASES = "cases"
"""Folder of the finished cases in that of the explanations."""
_GONE = (
    "Its maps or its picture are gone, and its images are not among these. Explain it again, with "
    "its images and --continue."
)


def maker_of(ensemble: Ensemble, control: Ensemble | None, options: ExplanationOptions) -> str:
    """SHA-256 over the networks and options that an explanation is made by."""
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    other = [] if control is None else [f"control {v}" for v in sorted(control.hashes.values())]
    same = replace(options.occlusion, batch=None, memory_gb=1.0)  # these do not change the maps
    facts = [*hashes, *other, repr(replace(options, occlusion=same)), *ensemble.odds.told]
    return sha256_of_text("\n".join(facts))


def case_file(output: Path, case_id: str) -> Path:
    """Where the record of a case lies."""
    return stored(output / CASES / f"{part(case_id, 'case', output)}.json")


def read_case(file: Path) -> ExplainedCase:
    """The record of a case, of this or an earlier version."""
    return documents.read(ExplainedCase, file, MIGRATIONS)


def read_finished(output: Path, made_by: str, *, resume: bool) -> dict[str, ExplainedCase]:
    """What earlier commands explained, by the case's name in the composed Unicode normal form.

    Args:
        output: Folder.
        made_by: Of this command, see `maker_of`.
        resume: Whether it may go on with what is there.

    Raises:
        DatasetError: The folder holds explanations and `resume` is not set, or they were made by
            another model or other options.
    """
    files = sorted((output / CASES).glob("[!.]*.json"))
    if (files or (output / EXPLANATION_JSON).exists()) and not resume:
        raise DatasetError(
            "The output folder already holds explanations.",
            file=output,
            expected="an empty or new folder",
            remedy="Name another folder with -o, or go on with --continue.",
        )
    finished = {}
    for file in files:
        case = read_case(file)
        check_made_by(case, made_by, file)
        finished[composed(case.case_id)] = case
    return finished


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
            remedy="Name another folder with -o, or repeat the command with the same options.",
        )


def of_earlier(
    output: Path, finished: Mapping[str, ExplainedCase], cases: Iterable[str]
) -> tuple[dict[str, ExplainedCase], dict[str, str]]:
    """Cases that are not present and earlier commands explained, and why others failed.

    A case that failed after it had been explained counts as failed: its files had changed.

    Args:
        output: Folder.
        finished: As `read_finished` gives it.
        cases: That are present.

    Raises:
        DatasetError: The table has rows that would be lost.
    """
    cases = tuple(cases)
    check_rows(output / EXPLANATION_CSV, finished, cases)
    failed = of_others(_failed_before(output / EXPLANATION_JSON), cases)
    others = of_others(of_others(finished, cases), failed)
    done = {one.case_id: one for one in others.values() if is_whole(one, output)}
    failed |= {one.case_id: _GONE for one in others.values() if one.case_id not in done}
    tell_kept("explanations", done)
    tell_kept("failures", failed)
    return done, failed


def is_whole(case: ExplainedCase, output: Path) -> bool:
    """Whether its maps and its picture are there."""
    named = [*(one.file for one in case.maps), case.picture]
    return all((output / name).is_file() for name in named)


def _failed_before(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        return dict(documents.read(Explanation, file).failed)
    except RicenetError as error:
        logger.warning("The failed cases in %s are not known any more: %s", file, error.what)
        return {}
