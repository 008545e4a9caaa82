"""Sources of a rule: the cells of the tables, and the files in a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.ingest.scan import Scan
from ricenet_v2.records.manifest import same_patient
from ricenet_v2.records.scanned import ScannedSeries

Cells = Mapping[str, str]


class CohortSources:
    """Tables and files of a cohort."""

    def __init__(self, scan: Scan, tables: Mapping[str, Sequence[Cells]]) -> None:
        """Sort what the scan has by name and by patient."""
        self.scan, self._tables = scan, tables
        self._by_name: dict[str, list[ScannedSeries]] = {}
        self._by_patient: dict[str, list[ScannedSeries]] = {}
        for row in scan.rows:
            if row.modality:
                self._by_patient.setdefault(same_patient(row.patient), []).append(row)
            else:
                name = Path(row.description).name.lower()
                self._by_name.setdefault(name, []).append(row)

    def rows(self, table: str) -> Sequence[Cells]:
        """Cells by the names that the cohort gives to the columns."""
        return self._tables[table]

    def image(self, *tail: str) -> str:
        """Key of the image whose path ends so; empty where there is none or several.

        Args:
            tail: Folders, and the name of the file without `.nii` or `.nii.gz`.
        """
        *folders, stem = [part.lower() for part in tail]
        rows = [
            row
            for ending in (".nii.gz", ".nii")
            for row in self._by_name.get(f"{stem}{ending}", ())
            if row.verdict == "volume" and _ends(Path(row.folder), folders)
        ]
        return rows[0].key if len(rows) == 1 else ""

    def of_patient(self, patient: str) -> Sequence[ScannedSeries]:
        """Series of DICOM of a patient."""
        return self._by_patient.get(same_patient(patient), ())


def _ends(folder: Path, tail: Sequence[str]) -> bool:
    parts = [part.lower() for part in folder.parts]
    return not tail or parts[-len(tail) :] == list(tail)
