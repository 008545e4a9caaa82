"""The folder of a public cohort -> a manifest of cases with labels."""

from __future__ import annotations

from ricenet_v2.api.locations import PathInput, absolute, as_path
from ricenet_v2.api.public import public
from ricenet_v2.core.locks import using
from ricenet_v2.ingest.cohorts.draft import CohortDraft, draft_cohort
from ricenet_v2.ingest.work_folder import private_folder

__all__ = ["CohortDraft", "cohort_manifest"]


@public
def cohort_manifest(
    name: str,
    folder: PathInput,
    work: PathInput,
    *,
    tables: PathInput | None = None,
    rule: str = "",
) -> CohortDraft:
    r"""Label the cases of a public cohort and write series.csv, manifest.csv and flow.csv.

    Args:
        name: `cfb-gbm`, `brain-tr-gammaknife`, `burdenko`, `lumiere` or `ucsd-ptgbm`.
        folder: Images of the cohort, with the names that they were published with.
        work: Folder that is written, for `convert_cases`; a manifest that is there stays.
        tables: Folder of the tables of the cohort; None where they lie in `folder`.
        rule: Name of the rule for the labels; empty for the usual one.

    Returns:
        The manifest, and the numbers of patients that became cases or were excluded by each rule.

    Raises:
        OptionError: There is no such cohort or rule.
        DatasetError: A table or column is missing, or no case is eligible.
        InUseError: Another process writes `work`.

    Example:
        >>> ratings = "Patient,Date,Rating (according to RANO)\n"
        >>> weeks = ("week-001,Post-Op", "week-020,PD", "week-030,PD")
        >>> _ = (space / "lumiere").mkdir()
        >>> _ = (space / "lumiere" / "LUMIERE-ExpertRating-v202211.csv").write_text(
        ...     ratings + "".join(f"Patient-001,{week}\n" for week in weeks)
        ... )
        >>> image = (space / "studies" / min(labels) / "brain.nii.gz").read_bytes()
        >>> for week in ("week-001", "week-020"):
        ...     path = space / "lumiere" / "Imaging" / "Patient-001" / week / "CT1.nii.gz"
        ...     path.parent.mkdir(parents=True)
        ...     _ = path.write_bytes(image)
        >>> draft = rn.cohort_manifest("lumiere", space / "lumiere", space / "lumiere_work")
        >>> [(row.patient, row.label) for row in draft.manifest.rows]
        [('Patient-001', 'confirmed_progression')]
    """
    with private_folder(absolute(work)) as place, using(writes=[place]):
        return draft_cohort(name, absolute(folder), place, as_path(tables), rule)
