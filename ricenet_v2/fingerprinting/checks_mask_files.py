"""Masks that nobody reads: misnamed, in a folder of nnU-Net, or of some of the cases alone."""

from __future__ import annotations

import re
from pathlib import Path

from ricenet_v2.core.names import fault_of
from ricenet_v2.fingerprinting.findings import Place, warning
from ricenet_v2.records.dataset import Split
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.raw import RawDataset, masks_folder

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("labelsTr", "segTr", "segmentationsTr", "maskTr"),
    "test": ("labelsTs", "segTs", "segmentationsTs", "maskTs"),
}
_MASKS = ("brain", "lesion")
_BRAIN = re.compile(r"brain|skull|bet$", re.IGNORECASE)
_MOST_NAMED = 3


def check_mask_files(raw: RawDataset) -> list[Finding]:
    """Warnings of masks that are not read, and of masks that some cases lack."""
    findings = []
    for split in ("train", "test"):
        findings += [*_folders(raw, split), *_misnamed(raw, split)]
    return [*findings, *_partial(raw)]


def _folders(raw: RawDataset, split: Split) -> list[Finding]:
    right = masks_folder(raw.folder, split).name
    return [
        warning(
            "folder of masks",
            Place(file=name),
            found=f"a folder {name}, which is not read",
            expected=f"masks in {right}, called CASE_brain{raw.dataset.file_ending} or "
            f"CASE_lesion{raw.dataset.file_ending}",
            remedy=f"Move the masks to {right} and rename them, e.g. CASE to CASE_lesion; or leave "
            "them there if they are not to be used.",
        )
        for name in _FOLDERS[split]
        if (raw.folder / name).is_dir()
    ]


def _misnamed(raw: RawDataset, split: Split) -> list[Finding]:
    folder, ending = masks_folder(raw.folder, split), raw.dataset.file_ending
    if not folder.is_dir():
        return []
    ids = sorted((case.case_id for case in raw.split(split)), key=len, reverse=True)
    expected = {f"{case}_{mask}{ending}" for case in ids for mask in _MASKS}
    by_rest: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in expected:
            continue
        by_rest.setdefault(_rest(path, ids, ending), []).append(path.name)
    return [
        warning(
            "misnamed mask",
            Place(file=f"{folder.name}/{names[0]}"),
            found=f"{len(names)} file(s) that are not read, e.g. {', '.join(names[:_MOST_NAMED])}",
            expected=f"CASE_brain{ending} and CASE_lesion{ending} of the cases of the split",
            remedy=f"Rename CASE{rest} to CASE_{_meant(rest)}{ending}, or remove the files."
            if rest
            else "Rename or remove the files.",
        )
        for rest, names in by_rest.items()
    ]


def _rest(path: Path, ids: list[str], ending: str) -> str:
    """Text after the id of a case; empty if the file name begins with none."""
    case = next((case for case in ids if path.name.startswith((f"{case}_", f"{case}."))), None)
    return "" if case is None else path.name[len(case) :] or ending


def _meant(rest: str) -> str:
    return "brain" if _BRAIN.search(rest) else "lesion"


def _partial(raw: RawDataset) -> list[Finding]:
    """A mask that some training cases have and others lack: their images are cropped otherwise."""
    cases = [case for case in raw.split("train") if not fault_of(case.case_id)]
    findings = []
    for mask in _MASKS[:1]:
        without = [case.case_id for case in cases if raw.mask(case, mask) is None]
        if 0 < len(without) < len(cases):
            named = ", ".join(without[:_MOST_NAMED]) + (", ..." if without[_MOST_NAMED:] else "")
            findings.append(
                warning(
                    "partial masks",
                    Place(file=masks_folder(raw.folder, "train").name),
                    found=f"{len(without)} of {len(cases)} training cases have no {mask} mask: "
                    f"{named}",
                    expected=f"{mask} masks of all cases, or of none",
                    remedy="Cases without are cropped and normalised by another rule, which a "
                    "network can see. Make the missing masks, or move all of them away.",
                )
            )
    return findings
