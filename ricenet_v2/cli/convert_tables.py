"""Output of ricenet_convert for a scan and for converted cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common
from ricenet_v2.core.command import text_of
from ricenet_v2.ingest.cohorts.flow import FLOW
from ricenet_v2.ingest.manifest import NAME
from ricenet_v2.ingest.work_folder import PATIENTS, SERIES, UNREAD
from ricenet_v2.reporting.formatting import several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ricenet_v2.api.conversion import ConversionResult
    from ricenet_v2.ingest.case_faults import CaseFault
    from ricenet_v2.ingest.cohorts.draft import CohortDraft
    from ricenet_v2.ingest.new_patients import NewPatients
    from ricenet_v2.ingest.scan import UnreadFile
    from ricenet_v2.ingest.table_dataset import TableConversion
    from ricenet_v2.ingest.work_folder import ScanDraft
    from ricenet_v2.records.provenance import CaseProvenance

_MOST_SHOWN, _MOST_FILES = 20, 5


def show_table(conversion: TableConversion) -> int:
    """Print how a folder of images and its table were understood.

    Returns:
        0, or 1 where cases of the table were left out.
    """
    for note in conversion.notes:
        print(f"Understood: {note}.")
    counts = Counter((case.label or "no label", case.split) for case in conversion.cases)
    rows = [
        (name, counts[name, "train"], counts[name, "test"]) for name in conversion.dataset.classes
    ]
    if unlabelled := counts["no label", "test"]:
        rows.append(("no label", 0, unlabelled))
    common.table("Cases", ("class", "train", "test"), rows, has_numbers=True)
    channels = [
        (f"{index:04d}", channel.name, channel.kind, channel.unit or "")
        for index, channel in enumerate(conversion.dataset.channels)
    ]
    common.table("Channels", ("number", "name", "kind", "unit"), channels)
    if conversion.unmatched:
        print(
            f"{several(len(conversion.unmatched), 'image file')} without a case in the table: "
            f"{', '.join(conversion.unmatched[:_MOST_FILES])}"
            f"{', ...' if len(conversion.unmatched) > _MOST_FILES else ''}"
        )
    if conversion.left_out:
        title = f"{several(len(conversion.left_out), 'case')} of the table left out"
        common.table(title, ("case", "why"), list(conversion.left_out.items())[:_MOST_SHOWN])
    print(f"The raw dataset is in {conversion.folder}. Check it: ", end="")
    print(text_of(("ricenet_plan_and_preprocess", str(conversion.folder), "--verify_only")))
    return common.SOME_FAILED if conversion.left_out else common.OK


def show_scan(draft: ScanDraft, work: Path) -> int:
    """Print what a scan came upon, without the name of any patient.

    Returns:
        0, or 1 where files could not be read.
    """
    scan, rows = draft.scan, draft.manifest.rows
    verdicts = Counter(row.verdict.partition(",")[0] for row in scan.rows)
    common.table("Series", ("verdict", "number"), sorted(verdicts.items()), has_numbers=True)
    n_cells = sum(len(row.images) for row in rows)
    n_open = sum(not key for row in rows for key in row.images.values())
    n_open -= sum(title in row.images for row in rows for title in row.absent)
    print(
        f"{several(len(rows), 'case')} in the manifest, {draft.n_kept} as before; "
        f"{several(n_open, 'cell')} of {n_cells} for images left open: the column reason says why."
    )
    unread = scan.unread
    if unread:
        _show_unread(unread, work)
    print(f"Series: {work / SERIES}\nCorrect this, and write the labels: {work / NAME}")
    print(f"{work} identifies patients. Keep it where only you can read it.")
    if not draft.is_private:
        print(f"Other users may list this folder. Close it to them: chmod 700 {work}")
    return common.SOME_FAILED if unread else common.OK


def show_cohort(draft: CohortDraft, title: str, work: Path) -> int:
    """Print what became of a public cohort.

    Returns:
        0, or 1 where files could not be read.
    """
    tables = ", ".join(draft.tables.values())
    flow = [(row.step, row.what, row.number) for row in draft.flow]
    common.table(
        f"{title}, rule {draft.rule!r}", ("step", "what", "number"), flow, has_numbers=True
    )
    print(f"Tables: {tables}")
    unread = draft.scan.unread
    if unread:
        _show_unread(unread, work)
    print(
        f"Series: {work / SERIES}\nFlow: {work / FLOW}\nLook at this, then convert it with "
        f"ricenet_convert cases: {work / NAME}"
    )
    return common.SOME_FAILED if unread else common.OK


def _show_unread(unread: Sequence[UnreadFile], work: Path) -> None:
    # What a link leads to, which may name a patient, stands behind the colon.
    faults = Counter(each.fault.partition(": '")[0].rstrip(".") for each in unread)
    print(
        f"{several(len(unread), 'file or folder', 'files and folders')} cannot be read: "
        f"{'; '.join(f'{n} x {why}' for why, n in faults.items())}. Which: {work / UNREAD}"
    )


def show_cases(result: ConversionResult, output: Path, *, is_check: bool) -> int:
    """Print what became of the cases.

    Returns:
        0, or 1 where cases failed.
    """
    cohort = result.cohort
    warned = [(case.case_id, "; ".join(case.warnings)) for case in cohort.cases if case.warnings]
    if warned:
        common.table("What was done, and warnings", ("case", "text"), warned, has_lines=True)
    verb = "can be converted" if is_check else "converted"
    print(
        f"{several(len(cohort.done), 'case')} {verb}, {len(cohort.skipped)} unchanged, "
        f"{len(cohort.failed)} failed."
    )
    if result.vanished:
        print(
            f"In no row of the manifest, and left as they are: {', '.join(result.vanished)}. "
            "Delete their files, those in provenance/ and qc/ too, if they are no longer wanted."
        )
    if result.outdated:
        print(
            f"Converted with other options, and not in the tables until they are converted again: "
            f"{', '.join(result.outdated)}."
        )
    _show_missing(cohort.cases)
    _show_brains(cohort.cases)
    show_faults(cohort.failed)
    if not is_check and cohort.cases:
        print(f"The raw dataset is in {output}")
    if result.page is not None:
        print(f"Look at the pictures, the worst cases first: {result.page}")
    return common.SOME_FAILED if cohort.failed else common.OK


def show_patients(patients: NewPatients) -> frozenset[str]:
    """Print where it stands whose the predictions are, and which patients were refused.

    Returns:
        Case ids of the refused ones.
    """
    print(f"Patients and case ids: {patients.work / PATIENTS}\nConverted images: {patients.folder}")
    if patients.page is not None:
        print(f"Look at the pictures, the worst cases first: {patients.page}")
    print(f"{patients.work} identifies patients. Keep it where only you can read it.")
    if patients.work.stat().st_mode & 0o077:
        print(f"Other users may list this folder. Close it to them: chmod 700 {patients.work}")
    if patients.n_unread:
        print(
            f"{several(patients.n_unread, 'file or folder', 'files and folders')} cannot be read."
        )
    if patients.refused:
        show_faults(patients.refused)
        print(
            f"Line numbers refer to {patients.manifest}. Correct it, and run the same command "
            "again with --continue."
        )
    return frozenset(fault.case_id for fault in patients.refused)


def _show_missing(cases: Sequence[CaseProvenance]) -> None:
    """Print the number of cases that lack each channel."""
    lacking = Counter(name for case in cases for name in case.missing)
    if lacking:
        n_cases = sum(bool(case.missing) for case in cases)
        each = ", ".join(f"{name} in {n}" for name, n in lacking.items())
        print(
            f"{n_cases} of {several(len(cases), 'case')} without some image: {each}. Plan with "
            "--allow_missing_channels."
        )


def _show_brains(cases: Sequence[CaseProvenance]) -> None:
    """Print the sources of the masks, and whether the images contain heads."""
    sources = Counter(case.brain for case in cases)
    if sources:
        print(f"Brain masks: {', '.join(f'{n} {name}' for name, n in sorted(sources.items()))}.")
    if any(not case.is_stripped for case in cases):
        print(
            "Images with heads: faces identify people. Give masks in the column brain, or have "
            "them made (--brain_mask deepbet, --brain_command)."
        )


def show_faults(faults: Sequence[CaseFault]) -> None:
    """Print why cases failed, where some did."""
    if not faults:
        return
    common.table(
        f"{several(len(faults), 'case')} failed",
        ("case", "line", "file", "fault", "expected", "got", "what to do"),
        [(f.case_id, f.line, f.file, f.what, f.expected, f.got, f.remedy) for f in faults],
        has_lines=True,
    )
