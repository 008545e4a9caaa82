"""Channels that a case lacks, by its row of the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.errors import DatasetError, MissingChannelError
from ricenet_v2.ingest.plan_sources import refused_row
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.manifest import ABSENT, DOSE, ImageColumn, ManifestRow
from ricenet_v2.records.presence import lacks_anatomy

_OPTION = "--allow_missing_channels takes cases that lack images."


def missing_channels(
    row: ManifestRow, columns: Sequence[ImageColumn], *, has_dose: bool, may_lack: bool
) -> tuple[str, ...]:
    """Names of the channels that a case lacks by its row, in the order of the dataset.

    Args:
        row: A cell that is empty is an image that the case lacks, unless there are series that
            would do: then a person has to choose one of them, or to write `none`.
        columns: Columns of images.
        has_dose: Whether the dataset has a dose.
        may_lack: Whether cases may lack channels.

    Raises:
        DatasetError: A cell is open, or there is no image and none may be missing.
        MissingChannelError: Nothing that shows the patient is left.
    """
    missing = [column.channel for column in columns if _is_missing(row, column, may_lack=may_lack)]
    channels = [Channel(column.channel, column.kind) for column in columns]
    if has_dose:
        channels.append(Channel(DOSE, "dose"))
        if not row.dose:
            if not may_lack or row.would_do(DOSE):
                raise _without_dose(row, may_lack=may_lack)
            missing.append(DOSE)
    if missing and lacks_anatomy(channels, missing):
        raise MissingChannelError(
            "This case has no image that shows the patient.",
            file="manifest.csv",
            expected="a key in a column of an mri, ct or pet",
            got=f"none of {', '.join(missing)}",
            remedy="Name one, or leave the case out.",
        )
    return tuple(missing)


def _is_missing(row: ManifestRow, column: ImageColumn, *, may_lack: bool) -> bool:
    title = column.title
    if row.images[title]:
        return False
    if may_lack and not row.would_do(title):
        return True
    error = refused_row(f"{title} is empty.", "a key of series.csv", row.named_for(title))
    raise error.with_parts(remedy=_remedy(may_lack=may_lack))


def _without_dose(row: ManifestRow, *, may_lack: bool) -> DatasetError:
    return DatasetError(
        "This case has no dose, which this dataset has.",
        file="manifest.csv",
        expected=f"a key in the column {DOSE}",
        got=row.named_for(DOSE),
        remedy=_remedy(may_lack=may_lack),
    )


def _remedy(*, may_lack: bool) -> str:
    if may_lack:
        return f"Write one of these keys, or {ABSENT} if the patient lacks the image."
    return f"Specify it in this row of the manifest, or leave the case out. {_OPTION}"
