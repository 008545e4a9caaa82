"""Planes of one case: every channel with isodose lines and the lesion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.api.locations import DatasetInput, PathInput, paths_of
from ricenet_v2.api.pictures import figure
from ricenet_v2.api.public import public
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.reporting.case.drawn import draw
from ricenet_v2.reporting.case.scene import Scene, write_png
from ricenet_v2.store.paths import CASES_CSV
from ricenet_v2.store.raw import load_raw_dataset

__all__ = ["CaseView", "view_case"]


@dataclass(frozen=True)
class CaseView:
    """The planes of a case through its lesion, else through its dose maximum or its centre.

    Attributes:
        case_id: The case.
        svg: The picture, a row of axial, coronal and sagittal planes for each channel.
        note: Position and content of the planes.
        flags: Remarks on the images.
        scene: The picture, to be written as a PNG file.
    """

    case_id: str
    svg: str
    note: str
    flags: tuple[str, ...]
    scene: Scene

    def write_png(self, path: PathInput) -> Path:
        """Write the picture as a PNG file, and return its path."""
        write_png(self.scene, Path(path))
        return Path(path)

    def _repr_html_(self) -> str:
        """The picture, for notebooks."""
        text = " ".join([f"{self.case_id}.", self.note, *self.flags])
        return figure(self.svg, text, width="60em")


@public
def view_case(
    dataset: DatasetInput, case_id: str, *, workspace: PathInput | None = None
) -> CaseView:
    """Draw the planes of a case, with isodose lines and the lesion.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        case_id: Id of a case in its cases.csv.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        The picture; a notebook shows it.

    Raises:
        DatasetError: There is no such case, or an image is missing or damaged.

    Example:
        >>> rn.view_case("1", "PH0016", workspace=space).write_png(space / "PH0016.png").name
        'PH0016.png'
    """
    raw = load_raw_dataset(paths_of(dataset, workspace).raw)
    cases = {case.case_id: case for case in raw.cases}
    if case_id not in cases:
        raise DatasetError(
            "There is no such case.",
            case=case_id,
            file=raw.folder / CASES_CSV,
            expected=f"one of {len(cases)} cases of cases.csv, e.g. {next(iter(cases), 'none')}",
        )
    drawn = draw(raw, cases[case_id], (), None, None, 2e6)
    return CaseView(case_id, drawn.svg, drawn.note, drawn.flags, drawn.scene)
