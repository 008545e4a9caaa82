"""What ricenet_convert prints of a scan and of converted cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common
from ricenet_v2.ingest.manifest import NAME
from ricenet_v2.ingest.work_folder import SERIES
from ricenet_v2.reporting.formatting import several

if TYPE_CHECKING:
    from ricenet_v2.ingest.work_folder import ScanDraft

_MOST_SHOWN = 20


def show_scan(draft: ScanDraft, work: Path) -> int:
    """Print what a scan came upon, without the name of any patient.

    Returns:
        0, or 1 where files could not be read.
    """
    scan, rows = draft.scan, draft.manifest.rows
    verdicts = Counter(row.verdict.partition(",")[0] for row in scan.rows)
    common.table("Series", ("verdict", "number"), sorted(verdicts.items()), has_numbers=True)
    images = [cell for row in rows for cell in row.images.values()]
    print(
        f"{several(len(rows), 'case')} in the manifest, {draft.n_kept} as before; "
        f"{several(sum(not cell for cell in images), 'cell')} of {len(images)} for images left "
        "open: the column reason says why."
    )
    unread = scan.unread
    if unread:
        print(
            f"{several(len(unread), 'file or folder', 'files and folders')} cannot be read: "
            f"{'; '.join(f'{n} x {why}' for why, n in Counter(u.fault for u in unread).items())}"
        )
    print(f"Series: {work / SERIES}\nCorrect this, and write the labels: {work / NAME}")
    print(f"{work} identifies patients. Keep it where only you can read it.")
    if not draft.is_private:
        print(f"Other users may list this folder. Close it to them: chmod 700 {work}")
    return common.SOME_FAILED if unread else common.OK
