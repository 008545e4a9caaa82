"""Description of a public cohort, and the labels by its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ricenet_v2.records.manifest import ImageColumn, ManifestRow

if TYPE_CHECKING:
    from ricenet_v2.ingest.cohorts.sources import CohortSources

ON_IMAGES = "images are missing below FOLDER, or cannot be read"


@dataclass(frozen=True)
class CohortTable:
    """A table that a cohort is published with.

    Attributes:
        names: Names of files without ending, in which `*` matches anything; capitals, `-`, `_` and
            blanks make no difference. Of several versions the last by name is used.
        columns: Names as published by the name that the rule uses; a `*` at the end stands for
            anything.
        sheet: Sheet of the workbook, if it is published as one.
    """

    names: tuple[str, ...]
    columns: Mapping[str, str]
    sheet: str = ""


@dataclass(frozen=True)
class ExcludedCase:
    """A patient, treatment course or session that makes no case.

    Attributes:
        name: Name as the table calls it.
        rule: Reason of the exclusion, in words.
    """

    name: str
    rule: str


LabelRule = Callable[["CohortSources"], Iterable[ManifestRow | ExcludedCase]]


@dataclass(frozen=True)
class Cohort:
    """A public cohort.

    Attributes:
        name: Name of the command.
        title: Title as published.
        doi: Where it is published.
        units: Units of the rows of the table, in the plural.
        columns: Columns of images in the manifest; the first is the reference.
        tables: Tables by the name that the rules use.
        rules: Ways to label, by name; the first is usual.
        exclusions: Rules by which units are left out, in the order in which they are asked.
    """

    name: str
    title: str
    doi: str
    units: str
    columns: tuple[ImageColumn, ...]
    tables: Mapping[str, CohortTable] = field(repr=False)
    rules: Mapping[str, LabelRule] = field(repr=False)
    exclusions: tuple[str, ...] = field(repr=False)
