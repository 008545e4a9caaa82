"""Clinical covariates of simulated patients, informative about the label beyond the images.

They are drawn after everything else and from separate random numbers, so that images and labels
are the same with and without them.
"""

from __future__ import annotations

from ricenet_v2.core.seeds import generator

METHYLATED = {True: 0.3, False: 0.7}
"""Share of patients with a methylated MGMT promoter, by recurrence."""
MEDIAN_DAYS = {True: 270.0, False: 130.0}
"""Median time from the end of radiotherapy to the event, by recurrence."""
DAYS_SPREAD, FEWEST_DAYS = 0.6, 21
"""Standard deviation of the logarithm of the time, and the shortest time."""
UNKNOWN = 0.1
"""Share of patients whose MGMT status is not known."""

DESCRIPTION = (
    f"MGMT methylated in {METHYLATED[True]:.0%} of recurrences and {METHYLATED[False]:.0%} of "
    f"others, median of days_since_rt {MEDIAN_DAYS[True]:g} and {MEDIAN_DAYS[False]:g}"
)


def clinical_facts(seed: int, case_id: str, *, is_recurrence: bool) -> dict[str, str]:
    """Further covariates of a patient: `mgmt` and `days_since_rt`.

    Both are drawn given the label alone: the log odds of recurrence that they add are those of
    Bayes' theorem, log(0.3 / 0.7) for a methylated promoter and its opposite for another.

    Args:
        seed: Seed of the cohort.
        case_id: The case.
        is_recurrence: The label.
    """
    random = generator(seed, "phantom clinical facts", case_id)
    is_methylated = random.random() < METHYLATED[is_recurrence]
    is_unknown = random.random() < UNKNOWN
    days = MEDIAN_DAYS[is_recurrence] * random.lognormal(0.0, DAYS_SPREAD)
    status = "methylated" if is_methylated else "unmethylated"
    return {
        "mgmt": "" if is_unknown else status,
        "days_since_rt": str(max(FEWEST_DAYS, round(days))),
    }
