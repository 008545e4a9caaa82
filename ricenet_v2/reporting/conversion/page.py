"""The page of a conversion: its table of checks, and the pictures of all cases, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from ricenet_v2.core.files import write_text
from ricenet_v2.core.regular import opened
from ricenet_v2.ingest.case_faults import CaseFault
from ricenet_v2.ingest.case_writing import PICTURES, picture_path
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, prescription_of
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.reporting.conversion.margins import checked, least_margin
from ricenet_v2.reporting.formatting import NOTHING, number, percent, several
from ricenet_v2.reporting.rendering import render

PAGE = "index.html"
_IMAGES = (
    "case", "image", "how it was registered", "turned, \N{DEGREE SIGN}", "correlation",
    "moved by 4 mm", "mirrored", "of the brain", "margin",
)  # fmt: skip
_CASES = ("case", "brain", "volume, ml", "largest dose, Gy", "prescribed, Gy", "fractions",
          "of the brain in the dose grid", "dose multiplied by")  # fmt: skip


@dataclass(frozen=True)
class _ShownCase:
    case_id: str
    words: str
    flags: tuple[str, ...]
    picture: str
    size: tuple[int, int]
    alt: str


def write_conversion_page(
    folder: Path,
    dataset: str,
    cases: Sequence[CaseProvenance],
    failed: Sequence[CaseFault] = (),
    vanished: Sequence[str] = (),
) -> Path:
    """Write qc/index.html of a dataset, which needs nothing but the pictures beside it.

    Args:
        folder: Raw dataset.
        dataset: Its name.
        cases: All that are there, also those of rows that failed now or are gone.
        failed: Rows that failed in this run.
        vanished: Ids of cases that are there, but in no row of the manifest.

    Returns:
        The page.
    """
    ordered = sorted(cases, key=lambda case: (least_margin(case), case.case_id))
    has_dose = any(case.plans for case in cases)
    columns = _CASES if has_dose else _CASES[:3]
    faults = {fault.case_id: fault.what for fault in failed}
    text = render(
        "conversion.html",
        dataset=dataset,
        glance=_glance(ordered, len(failed), len(vanished)),
        missing=_missing({case.case_id for case in cases}, failed, vanished),
        image_columns=_IMAGES,
        images=[row for case in ordered for row in _image_rows(case)],
        case_columns=columns,
        case_numbers=(2, 3, 4, 5, 6),
        regions=[_region(case)[: len(columns)] for case in ordered],
        cases=[_shown(folder, case, faults, vanished) for case in ordered],
    )
    page = folder / PICTURES / PAGE
    write_text(page, text)
    return page


def _glance(
    cases: Sequence[CaseProvenance], n_failed: int, n_vanished: int
) -> list[tuple[str, str, str]]:
    """Key numbers of the page: name, value, unit."""
    margin = min((least_margin(case) for case in cases), default=float("inf"))
    without = sum(not case.is_stripped for case in cases)
    tiles = [
        ("Cases", f"{len(cases):,}", "in the dataset"),
        ("Smallest margin", number(round(margin, 2)), "0 is refused, 1 is perfect"),
        ("With heads", f"{without:,}", "faces identify people"),
        ("Failed", f"{n_failed:,}", "rows of the last run"),
    ]
    if lacking := sum(bool(case.missing) for case in cases):
        tiles.append(("Lack images", f"{lacking:,}", "cases without a channel"))
    if n_vanished:
        tiles.append(("Without a row", f"{n_vanished:,}", "left as they are"))
    return tiles


def _missing(
    there: set[str], failed: Sequence[CaseFault], vanished: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Case, what happened, and what there is of it."""
    before = "what was converted before"
    rows = [(f.case_id, f.what, before if f.case_id in there else "nothing") for f in failed]
    return rows + [(case_id, "It is in no row of the manifest.", before) for case_id in vanished]


def _image_rows(case: CaseProvenance) -> list[tuple[str, ...]]:
    return [
        (
            _link(case.case_id),
            each.name,
            each.method,
            number(round(RigidTransform(each.rotation, each.translation).degrees, 1)),
            _two(each.correlation),
            _two(each.shifted),
            _two(each.mirrored),
            NOTHING if each.covered is None else percent(each.covered),
            _two(margin),
        )
        for each, margin in checked(case)
    ]


def _link(case_id: str) -> Markup:
    """The id of a case, which leads to its picture."""
    return Markup('<a href="#{0}">{0}</a>').format(case_id)


def _two(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _region(case: CaseProvenance) -> tuple[str, ...]:
    """A row of the table of brains and doses."""
    prescribed = prescription_of(case.covariates) if case.plans else None
    factors = ["fractions" if plan.times_fractions else "1" for plan in case.plans]
    return (
        _link(case.case_id),
        case.brain,
        NOTHING if case.brain_ml is None else f"{case.brain_ml:,.0f}",
        NOTHING if case.dose_max_gy is None else number(round(case.dose_max_gy, 1)),
        NOTHING if prescribed is None else number(prescribed),
        case.covariates.get(FRACTIONS_COLUMN, NOTHING) if case.plans else NOTHING,
        NOTHING if case.dose_covered is None else percent(case.dose_covered),
        ", ".join(factors) or NOTHING,
    )


def _shown(
    folder: Path, case: CaseProvenance, faults: dict[str, str], vanished: Sequence[str]
) -> _ShownCase:
    path = picture_path(folder, case.case_id)
    margin = least_margin(case)
    words = [f"{each.name}: {each.method}" for each in case.registered]
    words.append(f"brain: {case.brain}")
    flags = [f"no image of {', '.join(case.missing)}"] if case.missing else []
    flags += case.warnings
    if case.case_id in faults:
        flags.insert(0, f"its row failed now, this is what was converted before: "
                        f"{faults[case.case_id]}")  # fmt: skip
    if case.case_id in vanished:
        flags.insert(0, "it is in no row of the manifest")
    size = _size(path)
    images = several(len(case.channels), "image")
    return _ShownCase(
        case.case_id,
        f"Margin {_two(margin)}. {'; '.join(words)}." if case.registered else f"{words[0]}.",
        tuple(flags),
        path.name if size else "",
        size or (0, 0),
        f"{case.case_id}: {images} in axial, coronal and sagittal planes, as a checkerboard and "
        "with edges of the reference",
    )


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture; None where there is none that can be read."""
    try:
        with opened(path) as stream, Image.open(stream) as image:
            return image.size
    except OSError:
        return None
