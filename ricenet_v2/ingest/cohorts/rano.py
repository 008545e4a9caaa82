"""Labels by ratings of response (RANO) at one visit and the next."""

from __future__ import annotations

from collections.abc import Sequence

CONFIRMED, UNCONFIRMED = "confirmed_progression", "unconfirmed_progression"
PROGRESSION, NO_PROGRESSION = "progression", "no_progression"
NO_RATING = "no rating of response after the first image"
NO_EVENT = "no progression is rated"
NO_LATER = "no rating after the progression, or an operation before it"
RATINGS = ("PD", "SD", "MR", "PR", "CR")


def rating_of(cell: str) -> str:
    """The code of a rating such as `Progressive Disease (PD)` or `PD`; empty for anything else."""
    code = cell.strip().rpartition("(")[2].rstrip(")").strip().upper()
    return code if code in RATINGS else ""


def confirmed_label(later: str) -> str:
    """The label of a rated progression by the rating of the next visit."""
    return CONFIRMED if later == "PD" else UNCONFIRMED


def response_label(rating: str) -> str:
    """The label of a visit by its own rating."""
    return PROGRESSION if rating == "PD" else NO_PROGRESSION


def first_progression(ratings: Sequence[str]) -> int | None:
    """Place of the first `PD`; None where there is none."""
    return next((at for at, rating in enumerate(ratings) if rating == "PD"), None)
