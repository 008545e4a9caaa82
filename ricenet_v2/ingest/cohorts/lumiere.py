"""LUMIERE: glioblastoma, NIfTI without dose, RANO of an expert by week."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ricenet_v2.ingest.cohorts import rano
from ricenet_v2.ingest.cohorts.record import ON_IMAGES, Cohort, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import Cells, CohortSources
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.records.manifest import ManifestRow

NO_POST_OP = "no image is rated as post-operative before the rating"
_WEEK = re.compile(r"week-(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class _Visit:
    week: str
    order: tuple[int, int]
    rating: str

    @property
    def is_operation(self) -> bool:
        return "OP" in self.rating


_Event = tuple[int, str] | str
"""Place of a visit and its label, or why there is none."""


def _confirmed(visits: Sequence[_Visit]) -> _Event:
    """The first progression, by the next rating before another operation."""
    at = rano.first_progression([visit.rating for visit in visits])
    if at is None:
        rated = any(visit.rating in rano.RATINGS for visit in visits)
        return rano.NO_EVENT if rated else rano.NO_RATING
    later = next((v for v in visits[at + 1 :] if v.is_operation or v.rating in rano.RATINGS), None)
    if later is None or later.is_operation:
        return rano.NO_LATER
    return at, rano.confirmed_label(later.rating)


def _response(visits: Sequence[_Visit]) -> _Event:
    """The first rating of response."""
    at = next((at for at, visit in enumerate(visits) if visit.rating in rano.RATINGS), None)
    return rano.NO_RATING if at is None else (at, rano.response_label(visits[at].rating))


def _rule(
    event_of: Callable[[Sequence[_Visit]], _Event],
) -> Callable[[CohortSources], Iterator[ManifestRow | ExcludedCase]]:
    def rule(sources: CohortSources) -> Iterator[ManifestRow | ExcludedCase]:
        visits: dict[str, list[_Visit]] = {}
        for row in sources.rows("ratings"):
            visits.setdefault(row["patient"], []).extend(_visit(row))
        for patient, each in sorted(visits.items()):
            each.sort(key=lambda visit: visit.order)
            event = event_of(each)
            if isinstance(event, str):
                yield ExcludedCase(patient, event)
            else:
                yield _case(sources, patient, each, *event)

    return rule


def _visit(row: Cells) -> Iterator[_Visit]:
    match = _WEEK.fullmatch(row["week"])
    if match:
        rating = row["rating"].upper().replace(" ", "")  # `Post-Op ` and `Post-Op/PD` occur
        known = rating if "OP" in rating else rano.rating_of(rating)
        yield _Visit(row["week"], (int(match[1]), int(match[2] or 0)), known)


def _case(
    sources: CohortSources, patient: str, visits: Sequence[_Visit], at: int, label: str
) -> ManifestRow | ExcludedCase:
    before = [visit for visit in visits[:at] if visit.rating.startswith("POST-OP")]
    if not before:
        return ExcludedCase(patient, NO_POST_OP)
    post_op, event = before[-1], visits[at]
    keys = [sources.image(patient, visit.week, "CT1") for visit in (post_op, event)]
    if not all(keys):
        return ExcludedCase(patient, ON_IMAGES)
    return ManifestRow(
        patient=patient,
        label=label,
        images=dict(zip((POST_OP.title, EVENT.title), keys, strict=True)),
        covariates={"weeks_to_event": str(event.order[0] - post_op.order[0])},
        reason=f"post-OP in {post_op.week}, event in {event.week}",
    )


LUMIERE = Cohort(
    name="lumiere",
    title="LUMIERE",
    doi="10.6084/m9.figshare.c.5904905",
    units="patients",
    columns=(POST_OP, EVENT),
    tables={
        "ratings": CohortTable(
            ("LUMIERE-ExpertRating*",),
            {"patient": "Patient", "week": "Date", "rating": "Rating (according to RANO*"},
        )
    },
    rules={"confirmed": _rule(_confirmed), "response": _rule(_response)},
    exclusions=(rano.NO_RATING, rano.NO_EVENT, rano.NO_LATER, NO_POST_OP, ON_IMAGES),
)
