"""Sections and comparisons that other commands wrote, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.inference.fusion import refit
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.report import ReportSection
from ricenet_v2.reporting.results.predicted import Result
from ricenet_v2.store.fitted_on import changed_since
from ricenet_v2.store.paths import COMPARISON_JSON, REPORT_PART_JSON, ModelPaths


@dataclass(frozen=True)
class SectionFolder:
    """A section that another command wrote, and the folder that its pictures lie in."""

    folder: Path
    content: ReportSection


def files_inside(folder: Path, name: str) -> list[Path]:
    """Files of that name in a folder and in its subfolders."""
    return [path for pattern in (name, f"*/{name}") for path in sorted(folder.glob(pattern))]


def further_folders(elsewhere: Sequence[Path], read: Sequence[Path]) -> list[Path]:
    """Folders of `elsewhere` whose files are not found in those that are `read` anyway.

    Raises:
        DatasetError: A folder holds neither a section nor a comparison.
    """
    known = {path.resolve() for folder in read for path in _section_files(folder)}
    further: dict[Path, None] = {}
    for folder in elsewhere:
        paths = {path.resolve() for path in _section_files(folder)}
        if not paths:
            raise DatasetError(
                "This folder contains nothing for a report.",
                file=folder,
                expected=f"{REPORT_PART_JSON} (ricenet_explain, ricenet_ablate) or "
                f"{COMPARISON_JSON} (ricenet_compare -o), in it or in a folder inside it",
                remedy="Give the folder that was passed to that command with -o.",
            )
        further.update(dict.fromkeys(sorted({path.parent for path in paths - known})))
        known |= paths
    return list(further)


def _section_files(folder: Path) -> list[Path]:
    return [*files_inside(folder, REPORT_PART_JSON), *files_inside(folder, COMPARISON_JSON)]


def comparisons(folders: Sequence[Path]) -> dict[str, Comparison]:
    """Comparisons by the path of their folder, e.g. `predictions/compared`.

    That of a fusion is left out where its networks were trained again since.
    """
    paths = {
        path: path.parent.relative_to(folder.parent).as_posix()
        for folder in (folder.resolve() for folder in folders)
        for path in files_inside(folder, COMPARISON_JSON)
        if not _outdated_fusion(folder, path.parent)
    }
    by_name: dict[str, Comparison] = {}
    for path, name in paths.items():
        n_same = sum(other == name or other.startswith(f"{name} (") for other in by_name)
        key = f"{name} ({n_same + 1})" if n_same else name
        by_name[key] = documents.read(Comparison, path)
    return by_name


def parts_of(
    model: Path, results: Sequence[Result], further: Sequence[Path] = ()
) -> tuple[SectionFolder, ...]:
    """Sections of the model, of prediction folders and of others; cases have their pages' names.

    Of a fusion whose networks were trained again since, the section says so and shows no metrics.
    Nothing says which patient another folder means by the id of a case that the dataset and the
    predictions have both, as two patients: on the pages of these its pictures are left out.
    """
    sections = [
        SectionFolder(path.parent, _of_model(model, path))
        for path in files_inside(model, REPORT_PART_JSON)
    ]
    for result in (predicted for predicted in results if not predicted.is_out_of_fold):
        pages = {case.case_id: case.page for case in result.cases}
        for path in files_inside(result.folder, REPORT_PART_JSON):
            content = documents.read(ReportSection, path)
            cases = {pages.get(case, case): pictures for case, pictures in content.cases.items()}
            volumes = {pages.get(case, case): maps for case, maps in content.volumes.items()}
            sections.append(
                SectionFolder(path.parent, replace(content, cases=cases, volumes=volumes))
            )
    two = {case.case_id for result in results for case in result.cases if case.is_other}
    for path in (folder / REPORT_PART_JSON for folder in further):
        if path.is_file():
            content = documents.read(ReportSection, path)
            cases = {case: pictures for case, pictures in content.cases.items() if case not in two}
            volumes = {case: maps for case, maps in content.volumes.items() if case not in two}
            sections.append(
                SectionFolder(path.parent, replace(content, cases=cases, volumes=volumes))
            )
    return tuple(sorted(sections, key=lambda part: (part.content.order, part.content.title)))


def _of_model(model: Path, path: Path) -> ReportSection:
    section, outdated = documents.read(ReportSection, path), _outdated_fusion(model, path.parent)
    return replace(section, words=outdated, tables=(), pictures=()) if outdated else section


def _outdated_fusion(folder: Path, part: Path) -> str:
    """Why a part is that of a fusion which does not fit its model any more; empty where it fits."""
    model = ModelPaths(folder)
    if part != model.fused:
        return ""
    if not model.fusion.is_file():
        return f"Nothing is shown: {model.fusion.name} is missing. {refit(model)}."
    changed = changed_since(model, documents.read(Fusion, model.fusion).fitted_on)
    if not changed:
        return ""
    return (
        "Nothing is shown: folds were trained again since covariates were fused with this model "
        f"(changed: {', '.join(changed)}). {refit(model)}."
    )


def hashes_of(further: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of what is read of other folders."""
    return {
        f"part {n}, {path.parent.name}/{path.name}": sha256_of_file(path)
        for n, folder in enumerate(further, 1)
        for path in (folder / REPORT_PART_JSON, folder / COMPARISON_JSON)
        if path.is_file()
    }
