"""Explanation of a folder of patients, over all of them."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core import html
from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, Title
from ricenet_v2.records.explained_case import CHANNEL


@record
class CohortShare:
    """Mean share of attribution over the cases.

    Attributes:
        map: Name of the map.
        part: Isodose band, `lesion`, ... or `channel NAME`.
        n: Cases.
        mean: Share.
        interval: Bootstrap interval of 95 % in older files, which covered too seldom; None in new
            ones.
        expected: Mean share of the volume; None for channels and outside the region.
        excess: Mean of share less its expectation.
        excess_interval: 95 %, of the same test as p, so that it leaves 0 out where p is below 0.05;
            in older files of a bootstrap by patient.
        p: Two-sided, of turning the signs of patients' excess; None of fewer than six patients.
        untrained: Mean share in maps of networks with random weights; None without such.
        p_untrained: Two-sided, of the mean share among the means of these networks.
    """

    map: str
    part: str
    n: int
    mean: float
    interval: tuple[float, float] | None = None
    expected: float | None = None
    excess: float | None = None
    excess_interval: tuple[float, float] | None = None
    p: float | None = None
    untrained: float | None = None
    p_untrained: float | None = None

    @property
    def channel(self) -> str | None:
        """Name of the channel; None of a part."""
        name = self.part.removeprefix(CHANNEL)
        return None if name == self.part else name


@record
class CohortCheck:
    """Sanity of one kind of map over the cases; means.

    Attributes:
        map: Name of the map.
        n: Cases.
        randomised: Rank correlation with the map of wholly random weights.
        control: Result with the model of shuffled labels.
        deletion_gain: Area of random orders less that of the map.
        insertion_gain: Area of the map less that of random orders.
        agreement: Agreement between members.
        failed: Checks that it failed, in words.
        deletion_better: Share of the random orders that the maps beat, mean over patients.
        insertion_better: The same of insertion.
        completeness: Median over cases of the largest error; else None.
    """

    map: str
    n: int
    randomised: float
    control: float | None
    deletion_gain: float
    insertion_gain: float
    agreement: float | None
    failed: tuple[str, ...]
    deletion_better: float
    insertion_better: float
    completeness: float | None = None


@record
class Explanation:
    """The content of explanation.json.

    Attributes:
        dataset: Name.
        plan: Name.
        checkpoint_hashes: SHA-256 by file.
        control_hashes: Hashes of the model that was trained on shuffled labels.
        settings: Settings as they were given.
        cases: Their ids; each has a document of its own in `cases`.
        failed: Why a case could not be explained, by case id.
        shares: Shares over the cohort.
        checks: Checks over the cohort.
        samples: Number of bootstrap samples.
        seed: Seed of everything drawn.
        note: Intended use.
    """

    document: ClassVar[str] = "explanation"
    schema: ClassVar[int] = 2
    has_checksum: ClassVar[bool] = True

    dataset: Title
    plan: Name
    checkpoint_hashes: dict[str, str]
    control_hashes: dict[str, str]
    settings: dict[str, str]
    cases: tuple[str, ...]
    failed: dict[str, str]
    shares: tuple[CohortShare, ...]
    checks: tuple[CohortCheck, ...]
    samples: int
    seed: int
    note: str = "Research use only. Not a medical device."

    def _repr_html_(self) -> str:
        """Shares of the attribution over the cases, for notebooks."""
        rows = [
            (
                share.map,
                share.part,
                share.n,
                html.number(share.mean),
                html.number(share.expected),
                html.p_value(share.p),
                html.p_value(share.p_untrained),
            )
            for share in self.shares
        ]
        columns = ("map", "part", "cases", "share", "expected", "p", "p (untrained)")
        failed = [f"{case} failed: {why}" for case, why in self.failed.items()]
        title = f"Attribution in {len(self.cases)} cases of {self.dataset}"
        return html.table(title, columns, rows, *failed, self.note)
