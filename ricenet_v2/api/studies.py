"""Content of a folder to predict, and the conversion of its studies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.core.command import renamed
from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.core.locks import using
from ricenet_v2.inference.converted import ConvertedPatients
from ricenet_v2.ingest.new_patients import NewPatients, convert_new_patients
from ricenet_v2.ingest.settings import followed
from ricenet_v2.ingest.work_folder import check_apart, known_studies, private_folder
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.reporting.conversion.page import write_conversion_page
from ricenet_v2.reporting.conversion.picture import write_case_picture
from ricenet_v2.store.ingest_settings import read_settings
from ricenet_v2.store.paths import DATASET_JSON, ModelPaths
from ricenet_v2.store.raw import holds_cases, images_folder

WORK = "_work"
"""Suffix of the folder for the patients, after the name of that of the predictions."""


@dataclass(frozen=True)
class StudyOptions:
    """Options for studies that are to be converted.

    Attributes:
        manifest: Path of a corrected manifest; None drafts one and uses it.
        work: Folder for what identifies patients; beside the predictions where None.
        num_workers: Largest number of processes that convert.
        brain_command: Program that the user allows the conversion to run.
        seconds: Time in seconds that converting a patient may take; None for no limit.
    """

    manifest: Path | None = None
    work: Path | None = None
    num_workers: int = 1
    brain_command: str = ""
    seconds: float | None = None

    def place(self, output: Path) -> Path:
        """The folder that identifies patients."""
        if self.work is not None:
            return self.work
        if self.manifest is not None and known_studies(self.manifest.parent) is not None:
            return self.manifest.parent
        named = output if output.name not in {"", ".."} else output.resolve()
        return named.with_name(f"{named.name}{WORK}")


def prepared_images(source: Path, ending: str) -> Path | None:
    """The folder of prepared images that is meant; None where a folder holds none.

    Args:
        source: A raw dataset, of which the test cases are meant, a folder of files CASE_0000 ...,
            or anything else.
        ending: Ending of the image files.

    Raises:
        DatasetError: There is no such folder, or a raw dataset has no test cases.
    """
    if not source.is_dir():
        raise DatasetError("There is no such folder of images.", file=source)
    if not (source / DATASET_JSON).is_file():
        return source if holds_cases(source, ending) else None
    images = images_folder(source, "test")
    if not holds_cases(images, ending):
        raise DatasetError(
            "This raw dataset has no test cases.",
            file=source,
            expected=f"files such as {images.name}/CASE_0000{ending}",
            got="none",
            remedy="Specify a folder of images in it, e.g. imagesTr.",
        )
    return images


def only_prepared_images(source: Path, ending: str) -> Path:
    """The folder of prepared images that is meant, where nothing is converted.

    Raises:
        DatasetError: A folder holds none.
    """
    images = prepared_images(source, ending)
    if images is None:
        raise DatasetError(
            "There are no images of cases in this folder.",
            file=source,
            expected=f"files such as CASE_0000{ending}, one per channel, or a raw dataset",
            got=", ".join(sorted(path.name for path in source.iterdir())[:5]) or "an empty folder",
            remedy="For studies, predict first: ricenet_predict leaves the converted images in "
            "WORK/converted, which can be named here.",
        )
    return images


def check_prepared(options: StudyOptions) -> None:
    """Refuse what is only said of studies where images are prepared."""
    if options.work is not None or options.brain_command:
        raise OptionError(
            "This folder holds prepared images, which need no conversion.",
            expected="--work and --brain_command with studies alone",
            remedy="Leave them out. For studies, name their folder.",
        )


@contextmanager
def converted_studies(
    studies: Path,
    output: Path,
    model: ModelPaths,
    dataset: Dataset,
    options: StudyOptions,
    *,
    may_lack: bool = False,
) -> Iterator[NewPatients]:
    """Convert studies for a model; the folder for the patients is held until the block ends.

    Args:
        studies: Studies of the patients.
        output: Folder of the predictions.
        model: Model folder of the networks.
        dataset: Dataset on which they were trained.
        options: Options for the studies.
        may_lack: Whether the networks predict patients who lack images.

    Raises:
        DatasetError: The model cannot convert studies, the folders lie in each other, or see
            `convert_new_patients`.
        InUseError: Another process writes the folder for the patients.
    """
    if not studies.is_dir():
        raise DatasetError("There is no such folder.", file=studies)
    settings = read_settings(model.ingest)
    if settings is None:
        raise _cannot_convert(studies, dataset.file_ending)
    commands = {"brain_command": options.brain_command}
    rules = followed(settings, dataset.channels, model.folder, commands)
    rules = replace(rules, allow_missing_channels=may_lack)
    work = options.place(output)
    check_apart(output, {"the folder for the patients": work})
    for folder in (work, output):
        _check_outside(studies, folder)
    hidden = {studies: "STUDIES", work: "WORK"}
    if options.manifest is not None:
        hidden[options.manifest] = "MANIFEST"
    with private_folder(work) as folder, using(writes=[folder]), renamed(hidden):
        patients = convert_new_patients(
            studies,
            folder,
            options.manifest,
            dataset,
            settings,
            rules,
            options.num_workers,
            write_case_picture,
            options.seconds,
        )
        cases = patients.cohort.cases
        if cases:
            page = write_conversion_page(patients.folder, dataset.name, cases, patients.refused)
            patients = replace(patients, page=page)
        yield patients


def _cannot_convert(folder: Path, ending: str) -> DatasetError:
    names = sorted(path.name for path in folder.iterdir())
    return DatasetError(
        "There are no images of cases in this folder, and the model cannot convert studies: its "
        "dataset was not made by ricenet_convert cases.",
        file=folder,
        expected=f"files such as CASE_0000{ending}, one per channel, or a raw dataset with "
        f"{DATASET_JSON}",
        got=", ".join(names[:5]) or "an empty folder",
        remedy="Specify a folder of images that were prepared as those of training. Or convert the "
        "dataset with ricenet_convert cases, and plan and train again.",
    )


def _check_outside(studies: Path, folder: Path) -> None:
    outer, inner = studies.resolve(), folder.resolve()
    if outer == inner or outer in inner.parents:
        raise DatasetError(
            "A folder that is written lies among the studies, where the next scan would take what "
            "is in it for images of patients.",
            file=folder,
            expected="a folder outside of that of the studies",
            remedy="Choose another one with -o, or with --work.",
        )


def converted_patients(patients: NewPatients) -> ConvertedPatients:
    """Results of the conversion next to the predictions, which identify nobody."""
    return ConvertedPatients(
        patients.cases,
        {fault.case_id: f"{fault.what} {fault.remedy}".strip() for fault in patients.refused},
        patients.notes,
    )
