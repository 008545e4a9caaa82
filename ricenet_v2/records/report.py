"""Sections that other commands add to a report, and the record of a report."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, RelativePath, Title


@record
class SectionFigure:
    """A picture of a part: a PNG or SVG file beside report_part.json, and what it shows."""

    file: RelativePath
    caption: str


@record
class SectionVolume:
    """A map for the viewer of a case: values about 0, whose sign counts.

    Attributes:
        file: NIfTI on the grid of the case's images, beside report_part.json.
        name: Name in the list of maps.
        unit: Unit of the values.
        words: Meaning of positive and negative, for those who cannot see the colours.
    """

    file: RelativePath
    name: str
    unit: str
    words: str


@record
class SectionTable:
    """A table of words: rows of as many cells as columns, and a note on how to read them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@record
class ReportSection:
    """The content of report_part.json: a section of a report that another command wrote.

    A report shows every part that lies in a folder of its model or of its predictions, and those
    in folders that are named.

    Attributes:
        title: Title of the section.
        words: Content of the section, and what the reader must know.
        tables: Tables on the first page.
        pictures: Pictures on the first page.
        cases: Content of the page of each case, by case id.
        order: Parts stand in this order.
        volumes: Volumes in the viewer of the page of each case, by case id.
    """

    document: ClassVar[str] = "report_part"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    title: str
    words: str = ""
    tables: tuple[SectionTable, ...] = ()
    pictures: tuple[SectionFigure, ...] = ()
    cases: dict[Name, tuple[SectionFigure, ...]] = field(default_factory=dict)
    order: int = 0
    volumes: dict[Name, tuple[SectionVolume, ...]] = field(default_factory=dict)


@record
class ReportRecord:
    """The content of report.json in the folder of a report.

    Attributes:
        dataset: Name of the dataset.
        plan: Name of the plan.
        channels: Label of the channels.
        command: Command as typed.
        program: Version of ricenet_v2.
        versions: Versions of Python and packages.
        n_cases: Pages of cases.
        n_bytes: Bytes of the whole folder without this file.
        inputs: SHA-256 of every file that was read, by name relative to where it lay.
        note: Intended use.
    """

    document: ClassVar[str] = "report"
    schema: ClassVar[int] = 1

    dataset: Title
    plan: Name
    channels: str
    command: tuple[str, ...]
    program: str
    versions: dict[str, str]
    n_cases: int
    n_bytes: int
    inputs: dict[str, str]
    note: str = "Research use only. Not a medical device."
