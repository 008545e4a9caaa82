"""Writing a report: one folder that needs nothing outside of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.resources import files as package_files
from pathlib import Path
from urllib.parse import quote

from ricenet_v2.core import documents
from ricenet_v2.core.case_pool import KILLED_REMEDY, map_cases
from ricenet_v2.core.command import portable
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import write_text
from ricenet_v2.core.locks import LOCK_FILE
from ricenet_v2.records.report import ReportRecord
from ricenet_v2.reporting.case.page import (
    CASES,
    PICTURES,
    VIEWER_SCRIPTS,
    CaseJob,
    CasePart,
    write_case,
)
from ricenet_v2.reporting.methods.facts import Facts, facts_of
from ricenet_v2.reporting.methods.prediction import describe_predictor
from ricenet_v2.reporting.methods.text import sentences
from ricenet_v2.reporting.plan.cases import flags as dataset_flags
from ricenet_v2.reporting.results import provenance
from ricenet_v2.reporting.results.cohort import shown_covariates
from ricenet_v2.reporting.results.copied import copy_parts
from ricenet_v2.reporting.results.index import DATA, PARTS, index_page
from ricenet_v2.reporting.results.predicted import PredictedCase
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.reporting.results.tables import write_tables
from ricenet_v2.store.paths import REPORT_JSON
from ricenet_v2.version import __version__

INDEX = "index.html"
PAGE_OF_PLAN = "plan.html"
MOST_MEGABYTES = 95.0
_ASSETS = ("report.js", *VIEWER_SCRIPTS, "niivue.umd.js", "niivue_licence.txt")
_STYLES = ("templates/style.css", "assets/report.css")
_FIXED_BYTES = 8e6  # viewer, charts, tables
_PAGE_BYTES = 11e3  # of a case, without picture and volumes
_PNG_FROM = 1.5e6  # bytes that a case may take, from which on its picture is written as PNG too
_MARK = ".ricenet_report"  # written first: also a report that a kill cut short may be replaced
_BUILDING = ".building"  # the new report, until it is whole
_OWN = ("assets", CASES, PICTURES, DATA, PARTS, INDEX, PAGE_OF_PLAN, REPORT_JSON)

PageMapping = Callable[
    [Callable[[CaseJob], str], Sequence[CaseJob], int, str, Callable[[CaseJob, str], str]],
    list[str],
]
"""Applies a function to the jobs of all pages, as `map_cases` does."""


def write_report(
    sources: Sources,
    output: Path,
    command: Sequence[str],
    *,
    most_megabytes: float = MOST_MEGABYTES,
    num_workers: int = 1,
    seconds: float | None = None,
    map_jobs: PageMapping = map_cases,
) -> tuple[ReportRecord, dict[str, str]]:
    """Write a report; one that is there is replaced once the new one is whole.

    Args:
        sources: All documents that the report is made of.
        output: The folder.
        command: The command as typed.
        most_megabytes: Largest size of the folder, in millions of bytes; pictures and volumes
            become coarser to fit.
        num_workers: Processes that make pages of cases.
        seconds: Time limit for reading the images of a case; None sets no limit.
        map_jobs: Makes the pages of cases, as `map_cases` does.

    Returns:
        What was written, and why the images of some cases, or files that other commands made of
        them, are not shown, by case id.

    Raises:
        DatasetError: The folder contains something other than a report.
    """
    _claim(output)
    building = output / _BUILDING
    try:
        written = _build(sources, building, command, most_megabytes, num_workers, seconds, map_jobs)
        _swap(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return written


def _build(
    sources: Sources,
    output: Path,
    command: Sequence[str],
    most_megabytes: float,
    num_workers: int,
    seconds: float | None,
    map_jobs: PageMapping,
) -> tuple[ReportRecord, dict[str, str]]:
    """Write all of it into a new folder."""
    _write_assets(output)
    facts = facts_of(sources)
    ids = _pages(sources)
    sources, left_out = copy_parts(sources, output / PARTS)
    jobs = _jobs(sources, facts, output, ids, most_megabytes, left_out)
    work = partial(write_case, plan=sources.planned, seconds=seconds)
    faults = map_jobs(work, jobs, num_workers, "writing pages of cases", _without_images)
    plan_page = sources.paths.page(sources.plan.name) if sources.plan else None
    if plan_page is not None and plan_page.is_file():
        shutil.copyfile(plan_page, output / PAGE_OF_PLAN)
    write_tables(sources, sentences(facts), output / DATA)
    flags = _flags(sources)
    has_plan = (output / PAGE_OF_PLAN).is_file()
    write_text(output / INDEX, index_page(sources, output, flags, command, has_plan_page=has_plan))
    record = ReportRecord(
        dataset=sources.dataset.name,
        plan=sources.model.folder.name.partition("__")[0],
        channels=sources.model.folder.name.partition("__")[2],
        command=portable(command),
        program=__version__,
        versions=provenance.versions(),
        n_cases=len(ids),
        n_bytes=sum(path.stat().st_size for path in output.rglob("*") if path.is_file()),
        inputs=sources.inputs,
    )
    documents.write(output / REPORT_JSON, record)
    reasons = {case: why for case, why in zip(ids, faults, strict=True) if why}
    return record, reasons


def _without_images(job: CaseJob, reason: str) -> str:
    """The page of a case whose process was killed, probably by what its images take."""
    return write_case(replace(job, raw=None, maps=())) or f"{reason}. {KILLED_REMEDY}"


def _claim(output: Path) -> None:
    """Mark the folder as one of a report; refuse a folder of other things."""
    entries = output.iterdir() if output.is_dir() else ()
    existing = sorted(entry.name for entry in entries if entry.name != LOCK_FILE)
    if existing and _MARK not in existing:
        raise DatasetError(
            "This folder contains something other than a report.",
            file=output,
            expected="a new or empty folder, or an earlier report",
            got=", ".join(existing[:5]),
            remedy="Choose another folder with -o.",
        )
    write_text(output / _MARK, "ricenet_report replaces this folder as a whole.\n")
    shutil.rmtree(output / _BUILDING, ignore_errors=True)


def _swap(building: Path, output: Path) -> None:
    """Put the new report in the place of the one that is there."""
    for name in _OWN:
        entry = output / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
        if (building / name).exists():
            (building / name).rename(entry)


def _write_assets(output: Path) -> None:
    package = package_files("ricenet_v2.reporting")
    styles = [package.joinpath(name).read_text(encoding="utf-8") for name in _STYLES]
    write_text(output / "assets" / "style.css", "\n".join(styles))
    for name in _ASSETS:
        content = package.joinpath("assets", name).read_text(encoding="utf-8")
        write_text(output / "assets" / name, content)


def _pages(sources: Sources) -> list[str]:
    predicted = {case.page for result in sources.results for case in result.cases}
    return sorted(predicted | set(sources.cases))


def _flags(sources: Sources) -> dict[str, tuple[str, ...]]:
    """Flags of the dataset by case: what is unlike other cases, and warnings of preprocessing."""
    flagged: dict[str, tuple[str, ...]] = {}
    if sources.fingerprint is not None and sources.plan is not None:
        flagged = dataset_flags(sources.fingerprint, sources.plan)
    return {
        case: tuple(dict.fromkeys((*flagged.get(case, ()), *_warnings(sources, case))))
        for case in _pages(sources)
    }


def _warnings(sources: Sources, case: str) -> tuple[str, ...]:
    record = sources.preprocessed.get(case)
    return record.warnings if record else ()


def _jobs(
    sources: Sources,
    facts: Facts,
    output: Path,
    ids: list[str],
    most_megabytes: float,
    left_out: Mapping[str, tuple[str, ...]],
) -> list[CaseJob]:
    each = max((most_megabytes * 1e6 - _FIXED_BYTES) / max(len(ids), 1) - _PAGE_BYTES, 2e4)
    flags = _flags(sources)
    covariates = shown_covariates(sources.cases.values())
    outputs = _outputs(sources, facts)
    return [
        CaseJob(
            case_id=case,
            dataset=sources.dataset.name,
            classes=sources.dataset.classes,
            model=facts.model,
            case=sources.cases.get(case),
            raw=None if sources.raw is None else replace(sources.raw, cases=()),
            outputs=outputs.get(case, ()),
            covariates=covariates,
            record=sources.preprocessed.get(case),
            flags=(*flags[case], *_prediction_flags(outputs.get(case, ()))),
            before=ids[n - 1] if n else "",
            after=ids[n + 1] if n + 1 < len(ids) else "",
            parts=_parts_of(sources, case),
            maps=tuple(
                (volume, part.folder / volume.file)
                for part in sources.parts
                for volume in part.content.volumes.get(case, ())
            ),
            folder=output,
            n_bytes=each,
            has_png=each >= _PNG_FROM,
            faults=left_out.get(case, ()),
        )
        for n, case in enumerate(ids)
    ]


def _outputs(
    sources: Sources, facts: Facts
) -> dict[str, tuple[tuple[str, str, PredictedCase], ...]]:
    """Title, meaning in words and prediction of each set of predictions, by case."""
    by_case: dict[str, list[tuple[str, str, PredictedCase]]] = {}
    for result in sources.results:
        for prediction in result.cases:
            if result.is_out_of_fold:
                title_and_note = (
                    f"out-of-fold, {prediction.part}",
                    describe_predictor(facts, prediction),
                )
            else:
                title_and_note = (result.title, _members(prediction, result.kind))
            by_case.setdefault(prediction.page, []).append((*title_and_note, prediction))
    return {case: tuple(outputs) for case, outputs in by_case.items()}


def _members(prediction: PredictedCase, kind: str) -> str:
    n = len(prediction.members)
    if n > 1 and prediction.is_vote:
        return f"By votes of {n:,} {kind}s: numbers of the ensemble are proportions of votes."
    if n > 1:
        return f"By the ensemble of {n:,} {kind}s."
    return f"By one {kind}, {prediction.members[0][0]}." if prediction.members else "By the model."


def _prediction_flags(outputs: Sequence[tuple[str, str, PredictedCase]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag for _, _, prediction in outputs for flag in prediction.flags))


def _parts_of(sources: Sources, case: str) -> tuple[CasePart, ...]:
    return tuple(
        CasePart(
            part.content.title,
            tuple(
                (f"../{PARTS}/{n}/{quote(picture.file)}", picture.caption) for picture in pictures
            ),
        )
        for n, part in enumerate(sources.parts)
        if (pictures := part.content.cases.get(case))
    )
