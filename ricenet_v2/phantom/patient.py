"""The hidden truth of one simulated patient, drawn before any image is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

SCHEDULES = ((60.0, 30), (40.05, 15))
SHORT_COURSE_SHARE = 0.2

DOSE_MIDDLE = 0.85
MARGIN_MIDDLE_MM, MARGIN_SCALE_MM = 18.0, 3.5


@dataclass(frozen=True)
class Anatomy:
    """Ranges of target and lesion, drawn uniformly, in mm beyond the cavity's wall.

    Attributes:
        margin: Reach of the target volume.
        lesion: Distance of the centre of the lesion.
        old_spots: Number of spots of the brain that enhance at both times: vessels, traces of
            surgery.
        without_lesion: Share of the patients who have no lesion.
    """

    margin: tuple[float, float] = (6.0, 30.0)
    lesion: tuple[float, float] = (8.0, 26.0)
    old_spots: int = 0
    without_lesion: float = 0.0


USUAL = Anatomy()
"""Margins differ more than distances, so that the dose says most even without a lesion in it."""
SPREAD = Anatomy(margin=(10.0, 22.0), lesion=(0.0, 36.0), old_spots=2, without_lesion=1 / 3)
"""Distances differ more than margins, so that the dose must be seen where the lesion is. What
enhances is a lesion only where it did not do so after surgery. Without a lesion there is nothing to
call: so a recurrence cannot be known by no lesion being seen in the high dose."""
SPOT_RADIUS_MM, SPOT_GAP_MM, SPOT_REACH, SPOT_TRIES = (6.0, 14.0), 12.0, 0.6, 1000


@dataclass(frozen=True)
class LabelModel:
    """The stated model of the label: weights in the log odds of recurrence.

    Attributes:
        dose: Weight of the mean dose of the lesion divided by the prescription, below 0.85.
        margin: Weight of the target margin below 18 mm, per 3.5 mm.
        texture: Weight of the solidity of the lesion.
        growth: Weight of lesion growth.
        noise: Standard deviation of what no image shows.
    """

    dose: float = 7.0
    margin: float = 0.6
    texture: float = 1.5
    growth: float = 1.0
    noise: float = 0.7


ALL_INFORMATIVE = LabelModel()
BY_DOSE_ALONE = LabelModel(dose=60.0, margin=0.0, texture=0.0, growth=0.0, noise=0.0)
"""Label model with a known site of information: 0.05 of the prescription decide the label."""

Point = tuple[float, float, float]
Ball = tuple[Point, float]
"""Centre and radius, mm."""


@dataclass(frozen=True)
class FurtherLesion:
    """A lesion beside the first: centre, radius in mm, texture and growth as of the first."""

    centre: Point
    radius: float
    solidity: float
    growth: float


@dataclass(frozen=True)
class PhantomPatient:
    """One simulated patient. Positions in mm from the centre of the head along (z, y, x).

    Attributes:
        head: Semi-axes of the head, mm.
        cavity: Centre of the surgical cavity.
        cavity_radius: mm.
        lesion: Centre of the enhancing lesion.
        lesion_radius: mm; larger with growth. 0 where there is none.
        target_radius: Radius of the planning target volume around the cavity, mm.
        solidity: Texture; high is solid enhancement, low a ring with a dark core.
        growth: Standardised growth of the lesion.
        prescription: Gy.
        fractions: Number of fractions.
        age: Years.
        sex: F or M.
        old_spots: Spots that enhance at both times, apart from lesion and cavity.
        further: Lesions beside the first.
    """

    head: Point
    cavity: Point
    cavity_radius: float
    lesion: Point
    lesion_radius: float
    target_radius: float
    solidity: float
    growth: float
    prescription: float
    fractions: int
    age: int
    sex: str
    old_spots: tuple[Ball, ...] = ()
    further: tuple[FurtherLesion, ...] = ()


def draw_patient(random: np.random.Generator, anatomy: Anatomy = USUAL) -> PhantomPatient:
    """Draw a patient; a lesion lies anywhere from the cavity to beyond the target volume."""
    head = tuple((np.array([82.0, 96.0, 76.0]) * random.uniform(0.95, 1.05, 3)).tolist())
    side = random.choice([-1.0, 1.0])
    cavity = np.array(
        [random.uniform(0, 22), random.uniform(-28, 28), side * random.uniform(18, 30)]
    )
    cavity_radius = random.uniform(8, 13)
    target_radius = cavity_radius + random.uniform(*anatomy.margin)
    # Towards the middle of the head, so that the lesion stays inside the brain.
    direction = -cavity / np.linalg.norm(cavity) + random.normal(0, 0.5, 3)
    direction /= np.linalg.norm(direction)
    distance = cavity_radius + random.uniform(*anatomy.lesion)
    solidity, growth = random.normal(), random.normal()
    prescription, fractions = SCHEDULES[int(random.random() < SHORT_COURSE_SHARE)]
    patient = PhantomPatient(
        head=(head[0], head[1], head[2]),
        cavity=_point(cavity),
        cavity_radius=float(cavity_radius),
        lesion=_point(cavity + direction * distance),
        lesion_radius=float(np.clip(12.0 + 4.0 * growth, 6.0, 22.0)),
        target_radius=float(target_radius),
        solidity=float(solidity),
        growth=float(growth),
        prescription=prescription,
        fractions=fractions,
        age=int(random.integers(35, 80)),
        sex=str(random.choice(["F", "M"])),
    )
    if anatomy.without_lesion and random.random() < anatomy.without_lesion:
        patient = replace(patient, lesion_radius=0.0)
    return replace(patient, old_spots=_old_spots(patient, anatomy.old_spots, random))


def _old_spots(
    patient: PhantomPatient, number: int, random: np.random.Generator
) -> tuple[Ball, ...]:
    """Balls anywhere inside the brain, far enough from lesion, cavity and each other.

    Raises:
        ValueError: There is no room for so many: a thousand places in a row were taken.
    """
    taken = [(patient.lesion, patient.lesion_radius), (patient.cavity, patient.cavity_radius)]
    balls: list[Ball] = []
    in_vain = 0
    while len(balls) < number and in_vain < SPOT_TRIES:
        radius = float(random.uniform(*SPOT_RADIUS_MM))
        direction = random.normal(size=3)
        direction *= random.random() ** (1 / 3) / np.linalg.norm(direction)
        centre = np.array(patient.head) * SPOT_REACH * direction
        gaps = [
            float(np.linalg.norm(centre - np.array(other))) - reach - radius
            for other, reach in [*taken, *balls]
        ]
        in_vain += 1
        if min(gaps) > SPOT_GAP_MM:
            balls.append((_point(centre), radius))
            in_vain = 0
    if len(balls) < number:
        raise ValueError(f"The brain has no room for {number} spots.")
    return tuple(balls)


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    z, y, x = (float(value) for value in values)
    return z, y, x


def log_odds_of_recurrence(
    patient: PhantomPatient, relative_dose: float, model: LabelModel = ALL_INFORMATIVE
) -> float:
    """The part of the log odds that images can show.

    Args:
        patient: Its texture and growth count.
        relative_dose: Mean dose of the lesion divided by the prescription: lesions inside the high
            dose tend to be radiation effects, lesions at its falling edge recurrences. A wider
            margin irradiates more tissue and leads to more radiation effects.
        model: The weights.
    """
    margin = patient.target_radius - patient.cavity_radius
    return log_odds_of_lesion(relative_dose, margin, patient.solidity, patient.growth, model)


def log_odds_of_lesion(
    relative_dose: float, margin: float, solidity: float, growth: float, model: LabelModel
) -> float:
    """The same of one lesion; margin of the target volume in mm."""
    return (
        model.dose * (DOSE_MIDDLE - relative_dose)
        + model.margin * (MARGIN_MIDDLE_MM - margin) / MARGIN_SCALE_MM
        + model.texture * solidity
        + model.growth * growth
    )


def draw_recurrence(
    log_odds: float, random: np.random.Generator, model: LabelModel = ALL_INFORMATIVE
) -> bool:
    """Draw the label; a part of the log odds is noise that no image shows."""
    total = log_odds + random.normal(0, model.noise)
    return bool(random.random() < special.expit(total))
