"""Everything about a trained model in one offline folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from ricenet_v2.api import access
from ricenet_v2.api.locations import (
    DatasetInput,
    PathInput,
    absolute,
    as_path,
    folder_of,
    paths_of,
)
from ricenet_v2.api.public import public
from ricenet_v2.core import html
from ricenet_v2.core.command import invocation
from ricenet_v2.core.options import check_positive, check_whole
from ricenet_v2.records.plugins import warn_of_missing
from ricenet_v2.records.report import ReportRecord
from ricenet_v2.reporting.results.absent import Absent, absent
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.reporting.results.write import INDEX, write_report

__all__ = ["Report", "report"]


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        index: Its first page, which opens in any browser.
        record: Description of its content.
        faults: Why the images of a case, or what was made of them, are not shown.
        missing: Results that no command has written yet, and are therefore not in it.
    """

    index: Path
    record: ReportRecord
    faults: Mapping[str, str]
    missing: tuple[Absent, ...]

    def _repr_html_(self) -> str:
        """A link to the report, and what is missing in it, for notebooks."""
        rows = [(part.what, part.command, part.how) for part in self.missing]
        faults = [f"{case}: {why}" for case, why in self.faults.items()]
        address = quote(self.index.as_posix())
        link = f'<p><a href="{address}">{escape(str(self.index))}</a></p>'
        title = f"Report of {self.record.n_cases} cases. Not in it yet:"
        columns = ("what", "made by", "how")
        return link + html.table(title, columns, rows, *faults, self.record.note)


@public
def report(
    dataset: DatasetInput,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: Sequence[PathInput] = (),
    sections: Sequence[PathInput] = (),
    output: PathInput | None = None,
    max_megabytes: float = 95.0,
    num_workers: int = 1,
    case_timeout: float | None = None,
    workspace: PathInput | None = None,
) -> Report:
    """Write a folder with index.html and a page per case: cohort, plan, training, metrics, methods.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        channels: Label of the model's channels.
        predictions: Folders that were predicted into, or the tables in them.
        sections: Folders of explanations, ablations and comparisons that lie elsewhere.
        output: Folder of the report; report/ in the folder of the model where None.
        max_megabytes: Millions of bytes that the folder may take; pictures and volumes of many
            cases become coarser to fit.
        num_workers: Processes that make pages of cases.
        case_timeout: Seconds that reading the images of a case may take; as long as it takes where
            None.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        The path of the report, and what could not be shown.

    Raises:
        DatasetError: There is no such dataset or model, or `output` contains other files.
        DocumentError: A document is damaged.

    Example:
        >>> rn.report("1", workspace=space).index.name
        'index.html'
    """
    check_whole(num_workers=num_workers)
    check_positive(max_megabytes=max_megabytes, case_timeout=case_timeout)
    paths, folders = paths_of(dataset, workspace), [folder_of(table) for table in predictions]
    elsewhere = [absolute(section) for section in sections]
    model = paths.run(plan, channels)
    with access.reporting(model, folders, as_path(output)):
        sources = read_sources(paths, plan, channels, folders, elsewhere)
        if sources.plan is not None:
            warn_of_missing(sources.plan, model.folder)
        folder = as_path(output) or sources.model.report
        record, faults = write_report(
            sources,
            folder,
            invocation(),
            most_megabytes=max_megabytes,
            num_workers=num_workers,
            seconds=case_timeout,
        )
        return Report(folder / INDEX, record, faults, tuple(absent(sources)))
