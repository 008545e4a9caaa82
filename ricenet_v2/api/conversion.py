"""Files of a hospital -> a draft of which series make a case -> a raw dataset."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.api.locations import PathInput
from ricenet_v2.core.locks import using
from ricenet_v2.ingest.work_folder import ScanDraft, draft_manifest, private_folder

__all__ = ["ScanDraft", "scan_studies"]


def scan_studies(studies: PathInput, work: PathInput) -> ScanDraft:
    """Read the headers of a tree of files, and write series.csv and a draft of manifest.csv.

    Args:
        studies: Folder of an export, of any layout and names of files.
        work: Folder that is written, which identifies patients. Rows of a manifest that is there
            stay as they are; new patients come behind them.

    Returns:
        The scan and the manifest.

    Raises:
        DatasetError: The tree holds no DICOM files and no images, or the manifest that is there
            cannot be understood.
        InUseError: Another process writes `work`.
    """
    with private_folder(Path(work)) as folder, using(writes=[folder]):
        return draft_manifest(Path(studies), folder)
