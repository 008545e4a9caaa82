"""CFB-GBM: glioblastoma, NIfTI with dose, RANO by volume at two visits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ricenet_v2.ingest.cohorts import rano
from ricenet_v2.ingest.cohorts.record import ON_IMAGES, Cohort, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import Cells, CohortSources
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.records.manifest import ManifestRow
from ricenet_v2.records.prescription import positive

NO_TREATMENT = "no dose or fractions in the table of treatments"
_ID = {"patient": "id_patient"}


def _confirmed(ratings: Cells) -> str | ExcludedCase:
    """Progression at t1, by the rating from t1 to t2."""
    name = ratings["patient"]
    first, later = (rano.rating_of(ratings[column]) for column in ("first", "later"))
    if not first:
        return ExcludedCase(name, rano.NO_RATING)
    if first != "PD":
        return ExcludedCase(name, rano.NO_EVENT)
    return rano.confirmed_label(later) if later else ExcludedCase(name, rano.NO_LATER)


def _response(ratings: Cells) -> str | ExcludedCase:
    """The rating from t0 to t1."""
    first = rano.rating_of(ratings["first"])
    if not first:
        return ExcludedCase(ratings["patient"], rano.NO_RATING)
    return rano.response_label(first)


def _rule(
    label_of: Callable[[Cells], str | ExcludedCase],
) -> Callable[[CohortSources], Iterator[ManifestRow | ExcludedCase]]:
    def rule(sources: CohortSources) -> Iterator[ManifestRow | ExcludedCase]:
        ratings = {row["patient"]: row for row in sources.rows("ratings")}
        treatments = {row["patient"]: row for row in sources.rows("treatments")}
        for patient in dict.fromkeys(row["patient"] for row in sources.rows("patients")):
            rated = ratings.get(patient, {"patient": patient, "first": "", "later": ""})
            label = label_of(rated)
            treatment = treatments.get(patient, {})
            if isinstance(label, ExcludedCase):
                yield label
            else:
                yield _case(sources, patient, label, treatment)

    return rule


def _case(
    sources: CohortSources, patient: str, label: str, treatment: Cells
) -> ManifestRow | ExcludedCase:
    gy, fractions = (positive(treatment.get(name, "")) for name in ("gy", "fractions"))
    if gy is None or fractions is None or fractions != int(fractions):
        return ExcludedCase(patient, NO_TREATMENT)

    def image(time: str, kind: str) -> str:
        return sources.image(time, f"{patient}_{time}_{kind}")

    before, event, dose = image("t0", "t1gd"), image("t1", "t1gd"), image("t0", "rtdose")
    if not (before and event and dose):
        return ExcludedCase(patient, ON_IMAGES)
    return ManifestRow(
        patient=f"CFB-GBM-{patient.zfill(3)}",
        label=label,
        images={POST_OP.title: before, EVENT.title: event},
        dose=(dose,),
        dose_unit=("Gy",),
        fractions=(int(fractions),),
        prescription_gy=(gy,),
        brain=image("t0", "brain_mask"),
        structures=image("t0", "gtv"),
        reason="t0 before radiotherapy, event at t1; lesion: GTV at t0",
    )


CFB_GBM = Cohort(
    name="cfb-gbm",
    title="CFB-GBM",
    doi="10.7937/v9pn-2f72",
    units="patients",
    columns=(POST_OP, EVENT),
    tables={
        "patients": CohortTable(("CFB-GBM_clinical_data*",), _ID),
        "ratings": CohortTable(
            ("CFB-GBM_rano_criteria*",),
            _ID | {"first": "rano_t0_to_t1", "later": "rano_t1_to_t2"},
        ),
        "treatments": CohortTable(
            ("CFB-GBM_treatment_data*",),
            _ID | {"gy": "dose (Gy)", "fractions": "fractions_number"},
        ),
    },
    rules={"confirmed": _rule(_confirmed), "response": _rule(_response)},
    exclusions=(rano.NO_RATING, rano.NO_EVENT, rano.NO_LATER, NO_TREATMENT, ON_IMAGES),
)
