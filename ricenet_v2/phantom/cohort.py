"""A simulated cohort as a raw dataset folder."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.options import check_whole
from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.phantom import clinical
from ricenet_v2.phantom.images import PatientImages, make_images
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
from ricenet_v2.records.dataset import Case, Channel, Dataset, Split
from ricenet_v2.store import tables
from ricenet_v2.store.images import write_image
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
    seed: int,
    cases: int,
    test_cases: int,
    shape: Shape,
    spacing: Triple,
    label: LabelModel = ALL_INFORMATIVE,
    anatomy: Anatomy = USUAL,
    *,
    has_facts: bool = False,
) -> Dataset:
    """dataset.json of a cohort; its description gives the parameters."""
    rule = "" if (label, anatomy) == (ALL_INFORMATIVE, USUAL) else f", {label}, {anatomy}"
    rule += f", {clinical.DESCRIPTION}" if has_facts else ""
    return Dataset(
        name=NAME,
        channels=CHANNELS,
        classes=(*CLASSES, NO_LESION) if anatomy.without_lesion else CLASSES,
        positive_class="recurrence",
        licence="CC0-1.0",
        description=(
            f"Simulated by model {MODEL}; proves nothing about patients. "
            f"seed {seed}, {cases} + {test_cases} cases, {shape} voxels of {spacing} mm{rule}"
        ),
    )


def simulate(
    case_id: str,
    seed: int,
    grid: Grid,
    label: LabelModel = ALL_INFORMATIVE,
    anatomy: Anatomy = USUAL,
) -> tuple[PhantomPatient, PatientImages, float, bool]:
    """Patient, images, mean dose of the lesion relative to the prescription, recurrence.

    Without a lesion the dose is that of the brain, and the last means nothing.
    """
    random = generator(seed, "phantom", case_id)
    patient = draw_patient(random, anatomy)
    images = make_images(patient, grid, random)
    inside = images.lesion if images.lesion.any() else images.brain
    relative_dose = float(images.dose[inside].mean()) / patient.prescription
    recurrence = draw_recurrence(
        log_odds_of_recurrence(patient, relative_dose, label), random, label
    )
    return patient, images, relative_dose, recurrence


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
) -> Path:
    """Simulate a cohort of glioblastoma patients and write it as a raw dataset.

    One that is there with the same parameters is left as it is.

    Args:
        folder: The dataset folder.
        cases: Training cases.
        test_cases: Held-out cases.
        shape: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
        seed: Decides everything.
        label_model: How labels follow from what is hidden.
        anatomy: Where target and lesion lie.
        clinical_facts: Whether cases.csv has covariates that say something of the label: `mgmt`
            and `days_since_rt`.

    Returns:
        The folder.

    Raises:
        DatasetError: The folder holds something else.
        OptionError: A number of cases or the seed is not usable.

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
    dataset = describe(
        *(seed, cases, test_cases, shape, spacing, label_model, anatomy), has_facts=clinical_facts
    )
    if (folder / DATASET_JSON).exists() and (folder / CASES_CSV).exists():
        existing = load_raw_dataset(folder).dataset
        if existing != dataset:
            raise DatasetError(
                "Another cohort is already there.",
                file=folder,
                expected=dataset.description,
                got=existing.description,
                remedy="Name another output folder, or delete this one.",
            )
        return folder
    z, y, x = (-(n - 1) * s / 2 for n, s in zip(shape, spacing, strict=True))
    grid = Grid(shape, spacing, (x, y, z))
    written, truth = [], []
    splits: list[Split] = ["train" if n < cases else "test" for n in range(cases + test_cases)]
    for number, split in enumerate(track(splits, "simulating patients"), start=1):
        case_id = f"PH{number:04d}"
        patient, images, relative_dose, recurrence = simulate(
            case_id, seed, grid, label_model, anatomy
        )
        _write_images(folder, case_id, split, images, grid, dataset.file_ending)
        label = CLASSES[int(recurrence)] if patient.lesion_radius else NO_LESION
        covariates = {
            "fractions": str(patient.fractions),
            "prescription_gy": f"{patient.prescription:g}",
            "age": str(patient.age),
            "sex": patient.sex,
        }
        if clinical_facts:
            covariates |= clinical.clinical_facts(seed, case_id, is_recurrence=recurrence)
        written.append(Case(case_id, case_id, label, split, covariates))
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


def _write_images(
    folder: Path, case_id: str, split: Split, images: PatientImages, grid: Grid, ending: str
) -> None:
    channels = (images.post_op, images.event, images.dose)
    for index, image in enumerate(channels):
        write_image(image_path(images_folder(folder, split), case_id, index, ending), image, grid)
    for name, mask in (("brain", images.brain), ("lesion", images.lesion)):
        write_image(mask_path(masks_folder(folder, split), case_id, name, ending), mask, grid)
