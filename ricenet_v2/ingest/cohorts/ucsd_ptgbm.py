"""UCSD-PTGBM: gliomas after treatment, NIfTI without dose, tumour or effect of treatment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ricenet_v2.ingest.cohorts.record import ON_IMAGES, Cohort, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import CohortSources
from ricenet_v2.ingest.manifest import EVENT
from ricenet_v2.records.manifest import ManifestRow

TUMOUR, EFFECT = "tumour", "treatment_effect"
NO_SESSION = "the id is not that of a session, such as UCSD-PTGBM-0002_01"
NOT_SPECIFIC = "listed among the negative cases as not specific"
_SESSION = re.compile(r"(UCSD-PTGBM-\d+)_(\d+)")
_NOT_SPECIFIC = re.compile(r"\bns\b|non.?specific|indetermin|ambiguous|unable", re.IGNORECASE)


def _negative_cases(sources: CohortSources) -> Iterator[ManifestRow | ExcludedCase]:
    negative = {row["session"]: row["diagnosis"] for row in sources.rows("negative cases")}
    for session in dict.fromkeys(row["session"] for row in sources.rows("sessions")):
        match = _SESSION.fullmatch(session)
        if match is None:
            yield ExcludedCase(session, NO_SESSION)
            continue
        diagnosis = negative.get(session)
        if diagnosis is not None and (not diagnosis or _NOT_SPECIFIC.search(diagnosis)):
            yield ExcludedCase(session, NOT_SPECIFIC)
            continue
        image = sources.image(session, f"{session}_T1post")
        if not image:
            yield ExcludedCase(session, ON_IMAGES)
            continue
        yield ManifestRow(
            patient=match[1],
            case=match[2],
            label=TUMOUR if diagnosis is None else EFFECT,
            images={EVENT.title: image},
            reason="not among the negative cases" if diagnosis is None else diagnosis,
        )


UCSD_PTGBM = Cohort(
    name="ucsd-ptgbm",
    title="UCSD-PTGBM",
    doi="10.7937/fwv2-dt74",
    units="sessions",
    columns=(EVENT,),
    tables={
        "sessions": CohortTable(
            ("UCSD-PTGBM-clinical*", "UCSD*clinical*"), {"session": "ID"}, sheet="Cinical info"
        ),
        "negative cases": CohortTable(
            ("UCSD*negative*", "*negative*cases*"), {"session": "ID", "diagnosis": "Dx"}
        ),
    },
    rules={"negative-cases": _negative_cases},
    exclusions=(NO_SESSION, NOT_SPECIFIC, ON_IMAGES),
)
