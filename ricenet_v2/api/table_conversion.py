"""A folder of images and a table of labels -> a raw dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.api.locations import PathInput, as_path
from ricenet_v2.api.public import public
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import check_writable
from ricenet_v2.core.locks import using
from ricenet_v2.core.options import options as options_record
from ricenet_v2.ingest.table_columns import TableColumns
from ricenet_v2.ingest.table_dataset import (
    TableConversion,
    TableRequest,
    check_empty,
    convert_table_folder,
)

__all__ = ["TableConversion", "TableOptions", "convert_table"]


@options_record
class TableOptions:
    """Information on a folder of images and its table; empty fields are detected automatically.

    Attributes:
        labels: Table of labels; the only .csv or .tsv file in the folder where None.
        channels: Pairs `NAME=KIND`, e.g. `("t1c=mri", "dose=dose")`, by what files are called
            behind the id of the case; of files that are numbered as in nnU-Net in that order.
        case_column: Column of the ids that files, or folders of files, begin with.
        label_column: Column of the classes.
        patient_column: Column of the patients.
        split_column: Column that says train or test.
        positive_class: Positive class of two; the last one where empty.
        allow_missing_channels: Cases that lack channels are taken, as long as one shows the
            patient; cases.csv says which they have.
    """

    labels: PathInput | None = None
    channels: Sequence[str] = ()
    case_column: str = ""
    label_column: str = ""
    patient_column: str = ""
    split_column: str = ""
    positive_class: str = ""
    allow_missing_channels: bool = False


@public
def convert_table(
    folder: PathInput, output: PathInput, options: TableOptions | None = None
) -> TableConversion:
    """Make a raw dataset from a folder of images and a table of labels.

    Any layout is read in which the name of a file, or of a folder above it, begins with the id of
    its case: nnU-Net's, one folder for each patient, or all files in one. Images become hard links
    where the disk supports them, else copies. The table may be separated by commas, semicolons or
    tabs, in UTF-8, UTF-16 or Latin-1, with decimal commas.

    Args:
        folder: Folder of the images; nothing in it is changed.
        output: Raw dataset folder to make; new or empty.
        options: Settings that override automatic detection.

    Returns:
        The dataset, the interpretation of table and files, and what was left out.

    Raises:
        DatasetError: A table or column is missing, the kind of a channel is unknown, no image
            matches a case, or `output` is not empty or lies in `folder`.

    Example:
        >>> channels = ("T1c_post_op=mri", "T1c_event=mri", "dose=dose")
        >>> options = rn.TableOptions(labels=raw / "cases.csv", channels=channels)
        >>> made = rn.convert_table(raw, space / "Dataset021_Copy", options)
        >>> made.dataset.classes
        ('radiation_effect', 'recurrence')
    """
    chosen, source, target = options or TableOptions(), Path(folder), Path(output)
    if target.resolve().is_relative_to(source.resolve()):
        raise DatasetError(
            "The output folder lies in the folder of the images.",
            file=target,
            expected="a folder outside of it",
            remedy="Choose another folder.",
        )
    check_empty(target)
    request = TableRequest(
        as_path(chosen.labels),
        tuple(chosen.channels),
        TableColumns(
            chosen.case_column, chosen.label_column, chosen.patient_column, chosen.split_column
        ),
        chosen.positive_class,
        chosen.allow_missing_channels,
    )
    check_writable(target)
    with using(writes=[target]):
        return convert_table_folder(source, target, request)
