"""Predict every patient of a folder, or patients in memory, with trained folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ricenet_v2.api import access
from ricenet_v2.api.caller import state_kept
from ricenet_v2.api.locations import PathInput, absolute, as_path
from ricenet_v2.api.public import public
from ricenet_v2.api.studies import (
    StudyOptions,
    check_prepared,
    converted_patients,
    converted_studies,
    prepared_images,
)
from ricenet_v2.core.errors import OptionError
from ricenet_v2.core.options import check_positive, check_whole
from ricenet_v2.core.options import options as options_record
from ricenet_v2.inference.ensemble import Ensemble, load_ensemble
from ricenet_v2.inference.finished import check_free
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.inference.per_patient import PatientRule
from ricenet_v2.ingest.new_patients import NewPatients
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.raw import images_folder

__all__ = ["Ensemble", "PredictOptions", "load_model", "predict"]

Checkpoint = Literal["final", "best", "latest"]


@options_record
class PredictOptions:
    """Networks that predict, and how their outputs become probabilities and a class.

    Attributes:
        folds: Numbers of the folds whose networks predict; all where None.
        checkpoint: Weights after the last epoch (`final`), of the best validation epoch (`best`),
            or of the last finished epoch (`latest`).
        combine: `mean` of the probabilities of the networks, or majority `vote`.
        calibrated: Whether what `calibrate` fitted is applied.
        prior: Class shares where the patients come from: the share of the positive class, e.g.
            `("0.1",)`, or `CLASS=SHARE` for every class; as in the training cases where empty.
        decide: `balanced` predicts the class whose probability is largest in relation to its
            prior, `probable` the class with the highest probability.
        mirror: Whether outputs are means over the mirrorings that training used.
        fused: Whether covariates are added as `fuse` fitted; `predict` does so where it is given
            a table of them.
        per_patient: Rule for the prediction of a patient if each case is one lesion: by the `worst`
            (largest probability of the positive class), the `mean` or the `largest`.
    """

    folds: Sequence[int] | None = None
    checkpoint: Checkpoint = "final"
    combine: Literal["mean", "vote"] = "mean"
    calibrated: bool = False
    prior: Sequence[str] = ()
    decide: Literal["balanced", "probable"] = "balanced"
    mirror: bool = True
    fused: bool = False
    per_patient: PatientRule = "worst"


@public
def load_model(
    model: PathInput, options: PredictOptions | None = None, *, device: str | None = None
) -> Ensemble:
    """Load the trained folds of a model, to predict patients in memory.

    Args:
        model: Folder of the model, see `model_folder`.
        options: Folds and weights, calibration, prior and decision.
        device: `cuda`, `mps` or `cpu`; the best there is where None.

    Returns:
        The ensemble; `predict_case(images, brain=mask)` predicts a patient from a list of paths or
        of images of SimpleITK or nibabel, one for each channel (dose in Gy), and such a mask or
        None; or from an array with axes (channels, z, y, x), the `Grid` of its voxels and a mask
        (z, y, x). Axes may run in any directions. `lesion=mask` where the plan crops to the lesion,
        and `covariates` by name if they are added.

    Raises:
        CheckpointError: No fold, a named fold or its checkpoint is missing or damaged.
        PlanError: The folds were trained by different plans or datasets.
        DatasetError: A calibration or prior cannot be used.

    Example:
        >>> model = rn.load_model(rn.model_folder("1", workspace=space), device="cpu")
        >>> model.plan.classes
        ('radiation_effect', 'recurrence')
    """
    chosen = options or PredictOptions()
    with state_kept():
        return load_ensemble(
            absolute(model),
            chosen.folds,
            chosen.checkpoint,
            device,
            calibrated=chosen.calibrated,
            prior=chosen.prior,
            decide=chosen.decide,
            fused=chosen.fused,
        )


@public
def predict(
    source: PathInput,
    output: PathInput,
    model: PathInput,
    options: PredictOptions | None = None,
    *,
    masks: PathInput | None = None,
    covariates_table: PathInput | None = None,
    resume: bool = False,
    device: str | None = None,
    case_timeout: float | None = None,
    manifest: PathInput | None = None,
    work: PathInput | None = None,
    num_workers: int = 1,
    brain_command: str = "",
) -> Predictions:
    """Predict every patient of a folder and write predictions.csv and predictions.json.

    Args:
        source: Folder with the images, CASE_0000, CASE_0001, ...; or a raw dataset, of which the
            test cases are predicted; or else studies of new patients, as a hospital exports them,
            for a model whose dataset `convert_cases` made: they are converted as that was.
        output: Folder that is written. It identifies nobody.
        model: Folder of the model, see `model_folder`.
        options: Networks that predict, and how they are combined.
        masks: Folder of CASE_brain or CASE_lesion files; that beside imagesTs where None.
        covariates_table: Table with case_id and the covariates that `fuse` was given, which are
            then added to the image; an empty cell is imputed.
        resume: Keep the cases that are finished and predict the others.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        case_timeout: Seconds that reading and preparing a case may take, and as many that its
            conversion may; as long as it takes where None.
        manifest: Path of the corrected manifest.csv, for studies; None takes the one in `work`,
            which is drafted if there is none.
        work: Folder for what identifies patients, for studies. It contains patients.csv, which
            assigns case ids to patients, and the converted images. None takes the folder of the
            scan that holds `manifest`, else `output` with `_work` appended.
        num_workers: Largest number of processes that convert studies.
        brain_command: Program that made the brain masks of the dataset, if one did, for studies. A
            model does not run it unless it is named.

    Returns:
        The predictions, with the failed cases and their errors; one bad patient does not stop the
        others.

    Raises:
        CheckpointError: No fold, a named fold or its checkpoint is missing or damaged.
        DatasetError: There are no cases in the folder, or predictions of another model in `output`;
            or the model cannot convert studies.
        OptionError: Options for studies are given, but the folder holds prepared images; or
            covariates are requested without a table of them.
        InUseError: Another process writes one of the folders.
        DeviceLostError: The device failed; cases that are finished are on disk.

    Example:
        >>> model = rn.model_folder("1", workspace=space)
        >>> images = raw / "imagesTs"
        >>> predictions = rn.predict(images, space / "predictions", model, device="cpu")
        >>> [case.case_id for case in predictions.cases]
        ['PH0016', 'PH0017']
    """
    check_positive(case_timeout=case_timeout)
    check_whole(num_workers=num_workers)
    return predicted(
        absolute(source),
        absolute(output),
        absolute(model),
        options or PredictOptions(),
        StudyOptions(as_path(manifest), as_path(work), num_workers, brain_command, case_timeout),
        masks=as_path(masks),
        covariates_table=as_path(covariates_table),
        resume=resume,
        device=device,
        case_timeout=case_timeout,
    ).predictions


@dataclass(frozen=True)
class PredictionRun:
    """Outcome of a prediction.

    Attributes:
        predictions: Predictions as they are written.
        ensemble: The networks.
        patients: Outcome of the conversion of studies; None for prepared images.
    """

    predictions: Predictions
    ensemble: Ensemble
    patients: NewPatients | None = None


def predicted(
    source: Path,
    output: Path,
    model: Path,
    options: PredictOptions,
    studies: StudyOptions,
    *,
    masks: Path | None,
    covariates_table: Path | None,
    resume: bool,
    device: str | None,
    case_timeout: float | None,
    observer: Callable[[Ensemble], None] | None = None,
) -> PredictionRun:
    """The predictions, and what made them; see `predict`.

    `observer` is called with the networks before they predict.
    """
    if covariates_table is not None:
        options = replace(options, fused=True)
    elif options.fused:
        raise OptionError(
            "Covariates are to be added, and no table of them is named.",
            expected="covariates_table, with case_id and the covariates",
        )
    held = access.new_cases(output, ModelPaths(model), options.folds, options.checkpoint)
    with held, state_kept():
        ensemble = load_model(model, options, device=device)
        if observer is not None:
            observer(ensemble)
        how = partial(
            predict_folder,
            ensemble,
            output=output,
            combine=options.combine,
            mirror=options.mirror,
            resume=resume,
            seconds=case_timeout,
            covariates=covariates_table,
            per_patient=options.per_patient,
        )
        images = None
        if studies.manifest is None:
            images = prepared_images(source, ensemble.dataset.file_ending)
        if images is not None:
            check_prepared(studies)
            return PredictionRun(how(images, masks=masks), ensemble)
        if masks is not None:
            raise _masks_of_studies()
        # What predicting refuses too, but before the studies are converted.
        check_free(output, resume=resume)
        ensemble.check(mirror=options.mirror)
        with converted_studies(
            source,
            output,
            ModelPaths(model),
            ensemble.dataset,
            studies,
            may_lack=ensemble.plan.allows_missing,
        ) as patients:
            folder = images_folder(patients.folder, "test")
            predictions = how(folder, converted=converted_patients(patients))
    return PredictionRun(predictions, ensemble, patients)


def _masks_of_studies() -> OptionError:
    return OptionError(
        "Masks are named for studies, whose masks come from the manifest.",
        expected="--masks with prepared images alone",
        remedy="Name masks in the column brain of the manifest, and the manifest with --manifest.",
    )
