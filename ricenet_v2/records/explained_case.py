"""Explanation of a patient: maps, shares of attribution, sanity checks."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.names import Name, RelativePath
from ricenet_v2.records.cases import PreprocessedCase

ALL, ENSEMBLE = "all", "ensemble"
"""Channel of a map of all channels; member of a map of all networks."""
LOG_ODDS, PROBABILITY = "log odds", "probability"  # units of a map
CHANNEL = "channel "
"""Begins the name of a part that is a channel."""


@record
class Shares:
    """Distribution of the absolute attribution of a map over parts of the patient.

    Attributes:
        found: Share of each part in the attribution inside the region, 0 to 1; isodose bands add up
            to 1. `outside the brain`, or of another region, is a share of the whole image.
        expected: Share of each part in the volume of the region, which is the mean over all places
            that a map could be moved to; none of what is outside.
        p: Share of the moved maps that exceed what is expected at least as much, the map as it is
            included; the same parts. Empty if not requested: maps of single networks, and
            of probabilities.
        untrained: Share of each part in the maps of networks with random weights, one per network;
            of maps of all channels. Empty if none was requested, and in older files.
        p_untrained: Frequency with which such a network has at least the share; none for parts that
            all of them share alike.
    """

    found: dict[str, float]
    expected: dict[str, float]
    p: dict[str, float]
    untrained: dict[str, tuple[float, ...]] = field(default_factory=dict)
    p_untrained: dict[str, float] = field(default_factory=dict)


@record
class MapRecord:
    """One map of one case.

    Attributes:
        name: E.g. `occlusion`, `occlusion__dose`, `integrated_gradients`.
        method: `occlusion`, `integrated_gradients`, `hirescam` or `gradcam`.
        channel: Name of the only channel, or `all`.
        member: `ensemble`, or `fold_N`.
        file: File name beside explanation.json.
        unit: Unit of its values.
        words: Description of the method.
        maximum_mm: World (x, y, z) in LPS of its largest value.
        shares: Shares of its absolute values.
    """

    name: str
    method: str
    channel: str
    member: str
    file: RelativePath
    unit: str
    words: tuple[str, ...]
    maximum_mm: tuple[float, float, float]
    shares: Shares


@record
class Completeness:
    """Whether integrated gradients add up to what they should: score less score of the reference.

    Attributes:
        fold: Fold of the network.
        score: Log odds of the explained class.
        reference: The same of the reference image.
        total: Sum of the attributions.
        steps: Steps of the integral.
    """

    fold: int
    score: float
    reference: float
    total: float
    steps: int

    @property
    def error(self) -> float:
        """Distance of the sum from what it should be, relative to that."""
        difference = self.score - self.reference
        return abs(self.total - difference) / max(abs(difference), 1e-6)


@record
class PerturbationCurve:
    """Probability while blocks are deleted or inserted in the order of a map.

    Attributes:
        shares: Shares of the blocks that are deleted or inserted.
        probability: Probability of the explained class, one per share.
        area: Area under the curve.
        random_area: Mean of the areas of random orders.
        better_than: Share of the random orders that the map's order beats.
    """

    shares: tuple[float, ...]
    probability: tuple[float, ...]
    area: float
    random_area: float
    better_than: float


@record
class Check:
    """The sanity of one kind of map for one case.

    Attributes:
        map: Name of the map.
        cascade: Rank correlation of the absolute map with that of the network whose parts down to
            the named one have random weights.
        control: The same with a model that was trained on shuffled labels; None without one.
        deletion: Curve of deleting blocks; the sooner the probability falls the better.
        insertion: Curve of inserting blocks; the sooner it rises the better.
        agreement: Mean rank correlation between pairs of members; None with a single one.
        failed: Checks that it failed, in words.
        completeness: Largest error of the networks' integrated gradients; None of other maps.
    """

    map: str
    cascade: dict[str, float]
    control: float | None
    deletion: PerturbationCurve
    insertion: PerturbationCurve
    agreement: float | None
    failed: tuple[str, ...]
    completeness: float | None = None


@record
class ExplainedCase:
    """One case, kept so that an interrupted command can go on.

    Attributes:
        made_by: SHA-256 of networks and settings.
        case_id: The case.
        patient_id: Id of the patient.
        predicted: Name of the class, by the mean of members and mirrorings as in ricenet_predict.
        target: Name of the class that is explained.
        probability: Probability of the target.
        isodose: Meaning of 100 %, in words; empty without a dose.
        source: Facts of the preprocessed images.
        maps: All maps.
        channel_shares: Share of absolute attribution of each channel, by method.
        completeness: Completeness of integrated gradients, by member.
        checks: Sanity of the maps; empty where it was switched off.
        picture: File of the panels.
        warnings: Warnings in words.
        beside_hash: SHA-256 over masks, doses and facts of the patient that values rest on.
        planes: Point that the planes of the picture go through, in words; empty in older files.
        files: SHA-256 of maps and picture, by name; empty in older files.
    """

    document: ClassVar[str] = "explained_case"
    schema: ClassVar[int] = 2
    has_checksum: ClassVar[bool] = True

    made_by: str
    case_id: Name
    patient_id: str
    predicted: str
    target: str
    probability: float
    isodose: str
    source: PreprocessedCase
    maps: tuple[MapRecord, ...]
    channel_shares: dict[str, dict[str, float]]
    completeness: tuple[Completeness, ...]
    checks: tuple[Check, ...]
    picture: RelativePath
    warnings: tuple[str, ...] = ()
    beside_hash: str = ""
    planes: str = ""
    files: dict[RelativePath, str] = field(default_factory=dict)


def _from_1(fields: Fields) -> Fields:
    """Schema 1 measured shares and checks otherwise: `--continue` must not keep the case."""
    return {**fields, "made_by": ""}


MIGRATIONS: dict[int, Migration] = {1: _from_1}
"""Migrations for `documents.read(ExplainedCase, path, MIGRATIONS)`."""
