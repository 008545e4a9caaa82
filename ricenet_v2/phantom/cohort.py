"""A simulated cohort as a raw dataset folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.arguments import checked
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.options import check_whole
from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Mask, Shape, Triple
from ricenet_v2.phantom import clinical, missing
from ricenet_v2.phantom.existing import check_same
from ricenet_v2.phantom.images import PatientImages, Volume, make_images
from ricenet_v2.phantom.patient import (
    ALL_INFORMATIVE,
    USUAL,
    Anatomy,
    LabelModel,
    PhantomPatient,
    draw_patient,
    draw_recurrence,
    log_odds_of_recurrence,
)
from ricenet_v2.phantom.scanner import Scanner, channels_of, scanned
from ricenet_v2.phantom.several import SimulatedLesion, draw_further, lesions_of
from ricenet_v2.records.dataset import Case, Channel, Dataset, Split
from ricenet_v2.records.presence import presence_text
from ricenet_v2.store import tables
from ricenet_v2.store.images import write_image
from ricenet_v2.store.lesion_names import lesion_case
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON
from ricenet_v2.store.raw import (
    image_path,
    images_folder,
    load_raw_dataset,
    mask_path,
    masks_folder,
    write_raw_tables,
)

NAME = "Dataset001_PhantomGBM"
TRUTH_CSV = "phantom_truth.csv"
CLASSES = ("radiation_effect", "recurrence")
NO_LESION = "no_lesion"
"""A third class where some patients have none."""
CHANNELS = (
    Channel("T1c_post_op", "mri", timepoint="post_op"),
    Channel("T1c_event", "mri", timepoint="event"),
    Channel("dose", "dose", unit="Gy"),
)
MODEL = 4
"""Another number where other patients come out of the same parameters."""
CASES, TEST_CASES = 40, 10
SHAPE: Shape = (40, 48, 40)
SPACING: Triple = (4.5, 4.5, 4.5)


def describe(
    name: str,
    seed: int,
    cases: int,
    test_cases: int,
    shape: Shape,
    spacing: Triple,
    label: LabelModel = ALL_INFORMATIVE,
    anatomy: Anatomy = USUAL,
    lesions: int = 1,
    scanner: Scanner = "clean",
    brain_masks: bool = True,
    *,
    has_facts: bool = False,
    missing_images: Mapping[str, float] | None = None,
) -> Dataset:
    """dataset.json of a cohort of this name; its description gives the parameters."""
    further = "" if lesions == 1 else f", {lesions} lesions of each, a case for each"
    further += "" if scanner == "clean" else f", images: {scanner}"
    further += "" if brain_masks else ", no brain masks"
    further += missing.described(missing_images)
    rule = "" if (label, anatomy) == (ALL_INFORMATIVE, USUAL) else f", {label}, {anatomy}"
    rule += f", {clinical.DESCRIPTION}" if has_facts else ""
    return Dataset(
        name=name,
        channels=channels_of(scanner, CHANNELS),
        classes=(*CLASSES, NO_LESION) if anatomy.without_lesion else CLASSES,
        positive_class="recurrence",
        licence="CC0-1.0",
        description=(
            f"Simulated by model {MODEL}; proves nothing about patients. "
            f"seed {seed}, {cases} + {test_cases} cases, {shape} voxels of {spacing} mm"
            f"{rule}{further}"
        ),
    )


def simulate(
    case_id: str,
    seed: int,
    grid: Grid,
    label: LabelModel = ALL_INFORMATIVE,
    anatomy: Anatomy = USUAL,
    further: int = 0,
) -> tuple[PhantomPatient, PatientImages, float, bool]:
    """Patient, images, mean dose of the lesion relative to the prescription, recurrence.

    Without a lesion the dose is that of the brain, and the last means nothing.
    """
    random = generator(seed, "phantom", case_id)
    patient = draw_patient(random, anatomy)
    if further:  # of a generator of its own, so that the first lesion stays as it is
        drawn = draw_further(patient, further, generator(seed, "phantom lesions", case_id))
        patient = replace(patient, further=drawn)
    images = make_images(patient, grid, random)
    inside = images.lesion if images.lesion.any() else images.brain
    relative_dose = float(images.dose[inside].mean()) / patient.prescription
    recurrence = draw_recurrence(
        log_odds_of_recurrence(patient, relative_dose, label), random, label
    )
    return patient, images, relative_dose, recurrence


@checked
def write_cohort(
    folder: str | Path,
    *,
    cases: int = CASES,
    test_cases: int = TEST_CASES,
    shape: Shape = SHAPE,
    spacing: Triple = SPACING,
    seed: int = 0,
    label_model: LabelModel = ALL_INFORMATIVE,
    anatomy: Anatomy = USUAL,
    clinical_facts: bool = False,
    lesions: int = 1,
    scanner: Scanner = "clean",
    brain_masks: bool = True,
    missing_images: Mapping[str, float] | None = None,
) -> Path:
    """Simulate a cohort of glioblastoma patients and write it as a raw dataset.

    An existing cohort with the same parameters is kept, also if its lesions have been made cases
    since.

    Args:
        folder: The dataset folder, whose name becomes that of the dataset.
        cases: Training cases.
        test_cases: Held-out cases.
        shape: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
        seed: Decides everything.
        label_model: Weights of the hidden properties in the label.
        anatomy: Ranges of the positions of target and lesion.
        clinical_facts: Whether cases.csv has covariates that are informative about the label:
            `mgmt` and `days_since_rt`.
        lesions: Number of lesions of each patient; with more than one each lesion is a case with
            its own label.
        scanner: `clean` images are 0 outside of the head, `noisy` ones have noise in the air, `ct`
            makes CTs of the MRIs.
        brain_masks: Whether masks of the brain are written.
        missing_images: Share of the patients who lack a channel, by its name. Each has at least one
            that shows the patient; cases.csv says which they have.

    Returns:
        The folder.

    Raises:
        DatasetError: The folder contains other files.
        OptionError: A number of cases, the seed or a share is invalid, or there is no such channel.

    Example:
        >>> raw = rn.write_cohort(
        ...     space / "raw" / "Dataset001_PhantomGBM",
        ...     cases=15,
        ...     test_cases=2,
        ...     shape=(16, 20, 16),
        ...     spacing=(11, 10, 11),
        ... )
        >>> sorted(path.name for path in raw.iterdir())[:2]
        ['cases.csv', 'dataset.json']
    """
    check_whole(cases=cases)
    check_whole(0, test_cases=test_cases, seed=seed)
    folder = Path(folder)
    shape = (shape[0], shape[1], shape[2])  # also of a list
    spacing = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    check_whole(1, lesions=lesions)
    channels = channels_of(scanner, CHANNELS)
    rates = missing.checked(missing_images, channels)
    cohort = (label_model, anatomy, lesions, scanner, brain_masks)
    dataset = describe(
        folder.absolute().name,
        *(seed, cases, test_cases, shape, spacing),
        *cohort,
        has_facts=clinical_facts,
        missing_images=rates,
    )
    if (folder / DATASET_JSON).exists() and (folder / CASES_CSV).exists():
        check_same(load_raw_dataset(folder).dataset, dataset, folder)
        return folder
    z, y, x = (-(n - 1) * s / 2 for n, s in zip(shape, spacing, strict=True))
    grid = Grid(shape, spacing, (x, y, z))
    written, truth = [], []
    splits: list[Split] = ["train" if n < cases else "test" for n in range(cases + test_cases)]
    for number, split in enumerate(track(splits, "simulating patients"), start=1):
        case_id = f"PH{number:04d}"
        patient, images, relative_dose, recurrence = simulate(
            case_id, seed, grid, label_model, anatomy, lesions - 1
        )
        shown = scanned(images, scanner, grid, generator(seed, "phantom scanner", case_id))
        files = _Files(folder, case_id, split, grid, dataset.file_ending)
        lacking = missing.drawn(rates, channels, generator(seed, "phantom missing", case_id))
        files.write_images((*shown, images.dose), [channel.name in lacking for channel in channels])
        there = presence_text([channel.name for channel in channels], lacking) if rates else ""
        if brain_masks:
            files.write_mask(case_id, "brain", images.brain)
        label = CLASSES[int(recurrence)] if patient.lesion_radius else NO_LESION
        facts = clinical.clinical_facts(seed, case_id, is_recurrence=recurrence)
        covariates = {
            "fractions": str(patient.fractions),
            "prescription_gy": f"{patient.prescription:g}",
            "age": str(patient.age),
            "sex": patient.sex,
            **(facts if clinical_facts else {}),
        }
        if lesions > 1:
            random = generator(seed, "phantom labels", case_id)
            simulated = lesions_of(patient, images, label_model, random)
            files.write_mask(case_id, "lesion", _numbered(simulated))
            for number_of_lesion, lesion in enumerate(simulated, start=1):
                lesion_id = lesion_case(case_id, number_of_lesion)
                files.write_mask(lesion_id, "lesion", lesion.mask)
                label = CLASSES[int(lesion.is_recurrence)]
                written.append(Case(lesion_id, case_id, label, split, covariates, case_id, there))
                truth.append(
                    {
                        "case_id": lesion_id,
                        "label": label,
                        "relative_dose": lesion.relative_dose,
                        "solidity": lesion.solidity,
                        "growth": lesion.growth,
                    }
                )
            continue
        files.write_mask(case_id, "lesion", images.lesion)
        written.append(Case(case_id, case_id, label, split, covariates, channels=there))
        hidden: dict[str, object] = {
            "relative_dose": relative_dose,
            "solidity": patient.solidity,
            "growth": patient.growth,
        }
        if not patient.lesion_radius:
            hidden = dict.fromkeys(hidden, "")
        truth.append({"case_id": case_id, "label": label, **hidden})
    tables.write_rows(folder / TRUTH_CSV, truth)
    write_raw_tables(folder, dataset, written)
    return folder


@dataclass(frozen=True)
class _Files:
    """Paths of the files of a patient."""

    folder: Path
    image_id: str
    split: Split
    grid: Grid
    ending: str

    def write_images(self, channels: Sequence[Volume], lacking: Sequence[bool]) -> None:
        folder = images_folder(self.folder, self.split)
        for index, image in enumerate(channels):
            if lacking[index]:
                continue
            write_image(image_path(folder, self.image_id, index, self.ending), image, self.grid)

    def write_mask(self, case_id: str, name: str, mask: Mask | NDArray[np.uint8]) -> None:
        folder = masks_folder(self.folder, self.split)
        write_image(mask_path(folder, case_id, name, self.ending), mask, self.grid)


def _numbered(lesions: Sequence[SimulatedLesion]) -> NDArray[np.uint8]:
    """One mask of all lesions, in which each has its number."""
    numbers = np.zeros(lesions[0].mask.shape, dtype=np.uint8)
    for number, lesion in enumerate(lesions, start=1):
        numbers[lesion.mask] = number
    return numbers
