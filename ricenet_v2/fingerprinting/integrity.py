"""The integrity check: every fault of a raw dataset in one record, each image decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ricenet_v2.core.case_pool import KILLED_REMEDY, map_cases
from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import LateError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.memory import allowed_workers, available_memory
from ricenet_v2.core.names import fault_of
from ricenet_v2.fingerprinting.checked import CaseImages, CheckedCase
from ricenet_v2.fingerprinting.checks_confounders import check_confounders
from ricenet_v2.fingerprinting.checks_duplicates import check_duplicates
from ricenet_v2.fingerprinting.checks_folders import relative
from ricenet_v2.fingerprinting.checks_mask_files import check_mask_files
from ricenet_v2.fingerprinting.checks_masks import check_labels
from ricenet_v2.fingerprinting.checks_presence import ALLOW, check_presence
from ricenet_v2.fingerprinting.checks_size import check_usual
from ricenet_v2.fingerprinting.checks_tables import check_tables
from ricenet_v2.fingerprinting.checks_tilt import check_turns
from ricenet_v2.fingerprinting.findings import Place, error, in_order
from ricenet_v2.fingerprinting.inspection import CaseObservations, InspectionFiles, look
from ricenet_v2.fingerprinting.memory import bytes_of_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import KILLED, LATE, Integrity
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.records.region import mask_name as name_of_mask
from ricenet_v2.store.raw import RawDataset

"""Checks that a case failed whose images nobody could look at: faults of the machine."""
_IN_A_DATASET = (
    "Add the image, correct the `split` of the case, or remove it from cases.csv. Where patients "
    f"lack this image, plan with {ALLOW}."
)
_OF_A_PATIENT = (
    "Add the image, or leave the patient out. Networks predict without an image only where their "
    f"dataset was planned with {ALLOW}."
)


def check(
    raw: RawDataset,
    num_workers: int = 1,
    *,
    straighten: bool = False,
    seconds: float | None = None,
    region: RegionPlan | None = None,
    allow_missing: bool = False,
) -> Integrity:
    """Look for every fault of a dataset; changes nothing.

    Args:
        raw: The dataset as its tables describe it.
        num_workers: Processes; lowered when the memory would not do.
        straighten: Images will be resampled along the axes of the patient, so that it is no matter
            how they are tilted.
        seconds: Time in seconds that looking at a case may take; None for no limit.
        region: Region whose masks are checked; if it needs none, brain masks that exist are
            checked.
        allow_missing: Whether cases may lack channels, as long as one shows the patient.

    Returns:
        All findings, in an order that depends neither on the order of cases nor on the workers.
    """
    # What has no name that a file can have has no files to look at.
    named = [case for case in raw.cases if not fault_of(case.case_id)]
    unique = {(case.case_id, case.split): case for case in named}
    cases = [unique[key] for key in sorted(unique)]
    need = bytes_of_case(raw, cases, copies=3, seconds=seconds)
    workers = allowed_workers(num_workers, need, len(cases), available_memory())
    absent = {case.case_id: raw.absent(case) for case in cases} if allow_missing else {}
    items = [_files(raw, case, straighten, region, absent.get(case.case_id, ())) for case in cases]
    seen = map_cases(partial(_tried, seconds), items, workers, "Checking images", _killed)
    findings = check_tables(raw)
    findings += check_presence(raw, cases, allow_missing=allow_missing)
    for case in seen:
        findings += case.findings
    findings += check_duplicates([entry for case in seen for entry in case.hashes])
    findings += check_labels([entry for case in seen for entry in case.labels])
    findings += check_mask_files(raw)
    findings += check_confounders(raw, cases, seen)
    findings += check_usual([case.sizes for case in seen if case.sizes is not None])
    if not straighten:
        findings += check_turns([case.pose for case in seen if case.pose is not None])
    return Integrity(
        dataset=raw.dataset.name,
        n_cases=len(raw.cases),
        n_images=sum(case.n_images for case in seen),
        findings=in_order(findings),
    )


def check_case(
    case: Case,
    channels: Sequence[Channel],
    images: Sequence[Path],
    brain: Path | None = None,
    *,
    straighten: bool = False,
    allow_any_size: bool = False,
    mask_name: str = "brain",
    absent: Sequence[int] = (),
) -> CheckedCase:
    """Look for every fault in the files of one patient, and keep its images if there is none.

    Args:
        case: A new patient, of no dataset; its id and covariates are used.
        channels: Channels of the images, in their order.
        images: Whether or not they exist.
        brain: Mask that decides the region.
        straighten: Whether to straighten, as in `check`.
        allow_any_size: Whether the dataset allows any size.
        mask_name: Name of the mask: `brain` or `lesion`.
        absent: Indices of channels that the patient lacks, which is allowed.
    """
    named = tuple((path, path.name) for path in images)
    mask = None if brain is None else (brain, brain.name)
    kept = CaseImages(len(channels))
    files = InspectionFiles(
        case,
        tuple(channels),
        named,
        mask,
        _OF_A_PATIENT,
        straighten=straighten,
        allow_any_size=allow_any_size,
        mask_name=mask_name,
        absent=tuple(absent),
    )
    seen = look(files, kept)
    findings = in_order([*seen.findings, *check_duplicates(seen.hashes)])
    if any(finding.severity == "error" for finding in findings):
        return CheckedCase(findings, None, None, None)
    return CheckedCase(findings, kept.images, kept.grid, kept.brain)


def _killed(files: InspectionFiles, reason: str) -> CaseObservations:
    """The finding of a case that nobody could look at; all other cases were."""
    fault = error(
        KILLED,
        Place(files.name),
        found=reason,
        expected="a process that ends by itself",
        remedy=KILLED_REMEDY,
    )
    return CaseObservations((fault,))


def _tried(seconds: float | None, files: InspectionFiles) -> CaseObservations:
    """Look at a case as `look` does; whatever goes wrong becomes a finding of this case."""
    try:
        return within(seconds, look, files)
    except LateError as late:
        check, reason, remedy = LATE, late.what, late.remedy or ""
    except Exception as fault:  # noqa: BLE001 - the other cases are still looked at
        check, reason, remedy = "unreadable file", reason_of(fault), "Export its images again."
    expected = "images that can be read"
    finding = error(check, Place(files.name), found=reason, expected=expected, remedy=remedy)
    return CaseObservations((finding,))


def _files(
    raw: RawDataset,
    case: Case,
    straighten: bool,
    region: RegionPlan | None,
    absent: tuple[int, ...],
) -> InspectionFiles:
    """Paths of a case, each with its name relative to the dataset."""
    images = tuple((path, relative(raw, path)) for path in raw.images(case))
    name = name_of_mask(region) or "brain"
    brain = raw.mask(case, name)
    mask = None if brain is None else (brain, relative(raw, brain))
    dataset = raw.dataset
    return InspectionFiles(
        case,
        dataset.channels,
        images,
        mask,
        _IN_A_DATASET,
        straighten=straighten,
        allow_any_size=dataset.allow_any_size,
        mask_name=name,
        absent=absent,
    )
