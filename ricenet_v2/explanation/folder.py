"""Explaining a folder of patients: a bad one does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ricenet_v2.core import documents
from ricenet_v2.core.deadline import within
from ricenet_v2.core.device_faults import has_lost_device, lost_device
from ricenet_v2.core.errors import (
    CheckpointError,
    DatasetError,
    DiskFullError,
    DocumentError,
    PlanError,
)
from ricenet_v2.core.failures import logged_in_short
from ricenet_v2.core.files import check_writable, stamp
from ricenet_v2.core.names import shown
from ricenet_v2.core.progress import track
from ricenet_v2.core.spelling import composed
from ricenet_v2.explanation.case import ExplainedNetworks, explain_case, target_of
from ricenet_v2.explanation.explained_case import SubjectFiles, beside_hash, read_subject
from ricenet_v2.explanation.finished import (
    CASES,
    case_file,
    check_made_by,
    is_whole,
    maker_of,
    of_earlier,
    read_case,
    read_finished,
    with_hashes,
)
from ricenet_v2.explanation.masks import LESION, file_of
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.explanation.untrained import untrained_networks
from ricenet_v2.explanation.write import write_results
from ricenet_v2.inference.channel_compatibility import check_images
from ricenet_v2.inference.lesions import FOLDER, cases_of
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.patient import files_of, hash_of
from ricenet_v2.inference.retained_cases import Finished
from ricenet_v2.inference.test_time_augmentation import with_log_odds
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.records.explanation import Explanation
from ricenet_v2.store.case_table import read_cases, rows_by_id
from ricenet_v2.store.lesion_names import image_of
from ricenet_v2.store.paths import CASES_CSV, EXPLANATION_JSON
from ricenet_v2.store.raw import faults_of_names, find_cases, masks_beside

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """Settings shared by all cases.

    `known` are rows of cases.csv by the names of case and image in the composed Unicode normal
    form, and `finished` is what earlier commands explained.
    """

    ensemble: Ensemble
    by: ExplainedNetworks
    output: Path
    masks: Path | None
    known: Mapping[str, Case]
    made_by: str
    finished: Finished[ExplainedCase]
    seconds: float | None


def explain_folder(
    ensemble: Ensemble,
    source: Path,
    output: Path,
    options: ExplanationOptions,
    *,
    control: Ensemble | None = None,
    resume: bool = False,
    masks: Path | None = None,
    seconds: float | None = None,
) -> Explanation:
    """Explain every case of a folder; write maps, pictures, tables and a part of the report.

    Args:
        ensemble: The networks.
        source: Folder of CASE_0000 ... files. A cases.csv beside it gives prescriptions and
            patients.
        output: Where to write.
        options: Options of the explanation.
        control: Networks of the same plan that were trained on shuffled labels.
        resume: Keep the cases that an interrupted command finished and whose files are the same,
            and everything that earlier commands recorded of cases that are not in `source`.
        masks: Folder of CASE_brain, CASE_lesion and CASE_region files; if left out, the one
            beside an `images...` folder.
        seconds: Time in seconds that reading and preparing a case, or writing a map, may take; None
            for no limit.

    Returns:
        All that is written, that of earlier commands among it.

    Raises:
        DatasetError: No cases, a dataset.json beside `source` has the channels in another order
            than the model, `output` holds maps and `resume` is not set, or such that would be lost
            or are of other networks or options; another process writes there, or nothing can be
            written there.
        PlanError: No such class, or the control was made by another plan.
        DeviceLostError: The device failed; no further case is begun.
    """
    plan, before = ensemble.plan, stamp(output / EXPLANATION_JSON)
    target_of(options.target, plan.classes, 0)
    if control is not None:
        _check_control(ensemble, control)
    check_images(ensemble.dataset, source)
    images = find_cases(source, len(ensemble.dataset.channels), ensemble.dataset.file_ending)
    masks = masks or masks_beside(source)
    members = _classifiers(ensemble)
    by = ExplainedNetworks(
        plan,
        _corrected(ensemble),
        next(iter(_classifiers(control).values())) if control else None,
        ensemble.references,
        options,
        members,
        ensemble.odds,
        untrained_networks(plan, options, next(iter(members.values()))),
        seconds,
    )
    made_by = maker_of(ensemble, control, options)
    finished = read_finished(output, made_by, resume=resume)
    listed = cases_of(ensemble.dataset, plan, images, masks, output)
    cases = listed.paths
    done, failed = of_earlier(output, finished, cases) if resume else ({}, {})
    failed |= listed.failed
    job = _Job(ensemble, by, output, masks, _known(source), made_by, finished, seconds)
    check_writable(output / CASES)
    unusable = faults_of_names(cases)
    for case, fault in unusable.items():
        logger.error("%s could not be explained: %s", ascii(case), fault)
        failed[shown(case)] = fault
    usable = [(case, paths) for case, paths in cases.items() if case not in unusable]
    numbered = enumerate(usable, start=1)
    for number, (case, paths) in track(numbered, "explaining", total=len(usable)):
        explained = _tried(job, case, paths, f"{case} (case {number} of {len(usable)})")
        if isinstance(explained, str):
            failed[shown(case)] = explained
        else:
            done[case] = explained
    if stamp(output / EXPLANATION_JSON) != before:
        raise DatasetError(
            "Another process writes explanations into this folder.",
            file=output,
            expected="what was there when this command began",
            got=f"another {EXPLANATION_JSON}",
            remedy="Its explanations were kept. Choose another folder with -o.",
        )
    return write_results(
        ensemble,
        control,
        options,
        [done[case] for case in sorted(done)],
        {case: failed[case] for case in sorted(failed)},
        output,
    )


def _known(source: Path) -> dict[str, Case]:
    """Rows of a cases.csv beside the folder of images."""
    table = source.resolve().parent / CASES_CSV
    if not table.is_file():
        return {}
    known = rows_by_id(read_cases(table), table)
    by_image = {composed(case.image): case for case in known.values()}
    return by_image | {composed(name): case for name, case in known.items()}


def _tried(job: _Job, case_id: str, paths: tuple[Path, ...], title: str) -> ExplainedCase | str:
    """The case, or why it could not be explained."""
    try:
        return _kept(job, case_id, paths) or _explained(job, case_id, paths, title)
    except DiskFullError:  # no other case could be written either
        raise
    except Exception as error:
        if has_lost_device(error):
            what = f"The device failed while {shown(case_id)} was explained; no other is begun."
            raise lost_device(error, what) from error
        # Whatever it is, the others are explained.
        return logged_in_short(logger, f"{shown(case_id)} could not be explained", error)


def _row(job: _Job, case_id: str) -> Case | None:
    """The row of a case; of a lesion that has none, the row of its image."""
    names = [case_id, image_of(case_id)] if _is_lesion(job) else [case_id]
    return next((row for name in names if (row := job.known.get(composed(name)))), None)


def _is_lesion(job: _Job) -> bool:
    """Whether each case is one lesion of a patient."""
    region = job.ensemble.plan.region
    return region is not None and region.per_lesion


def _files(job: _Job, case_id: str, paths: tuple[Path, ...]) -> SubjectFiles:
    ending = job.ensemble.dataset.file_ending
    split = job.output / FOLDER
    masks = split if file_of(split, case_id, LESION, ending) is not None else job.masks
    patient = image_of(case_id) if _is_lesion(job) else ""
    subject_files = SubjectFiles(case_id, paths, masks, job.by.options.region, patient)
    row = _row(job, case_id)
    return (
        replace(subject_files, patient_id=row.patient_id, covariates=row.covariates)
        if row
        else subject_files
    )


def _explained(job: _Job, case_id: str, paths: tuple[Path, ...], title: str) -> ExplainedCase:
    files = _files(job, case_id, paths)
    # Before reading: a file may change meanwhile.
    beside = within(job.seconds, beside_hash, job.ensemble.dataset, files)
    subject = replace(read_subject(job.ensemble, files, job.seconds), title=title)
    _check_alone(job, case_id)
    explained = replace(explain_case(subject, job.by, job.output, job.made_by), beside_hash=beside)
    explained = with_hashes(explained, job.output)
    _check_alone(job, case_id)
    documents.write(case_file(job.output, case_id), explained)
    return explained


def _check_alone(job: _Job, case_id: str) -> None:
    """Refuse to mix with what another process writes, where locks do not keep it out."""
    file = case_file(job.output, case_id)
    if not file.is_file():
        return
    try:
        stored = read_case(file)
    except DocumentError:  # what is damaged is rewritten
        return
    check_made_by(stored, job.made_by, file)


def _kept(job: _Job, case_id: str, paths: tuple[Path, ...]) -> ExplainedCase | None:
    """Result of an earlier command, if networks, options, files and facts are the same."""
    name = composed(case_id)
    if why := job.finished.damaged.get(name):
        logger.warning(
            "%s is explained again: its file in the folder %s cannot be used (%s).",
            case_id,
            CASES,
            why,
        )
    previous = job.finished.whole.get(name)
    if previous is None:
        return None
    files = _files(job, case_id, paths)
    masks = () if files.masks is None else (files.masks,)
    patient = files_of(job.ensemble, case_id, paths, masks)
    made_of = within(job.seconds, hash_of, patient, job.ensemble.plan)
    beside = within(job.seconds, beside_hash, job.ensemble.dataset, files)
    same = (previous.source.inputs_hash, previous.beside_hash) == (made_of, beside)
    if made_of and beside and same and is_whole(previous, job.output):
        return previous
    logger.warning(
        "%s is explained again: its images, or its maps and picture, have changed.",
        case_id,
    )
    return None


def _corrected(ensemble: Ensemble) -> dict[int, Classifier]:
    """Networks whose outputs are corrected for the prior; they share all but their heads."""
    return {
        fold: with_log_odds(network, ensemble.odds.added(fold))
        for fold, network in _classifiers(ensemble).items()
    }


def _classifiers(ensemble: Ensemble) -> dict[int, Classifier]:
    others = [
        fold for fold, member in ensemble.members.items() if not isinstance(member, Classifier)
    ]
    if others:
        raise CheckpointError("These folds have no networks that can be explained.", got=others)
    return {fold: cast("Classifier", member) for fold, member in ensemble.members.items()}


def _check_control(ensemble: Ensemble, control: Ensemble) -> None:
    """The control is shown the same voxels, so it must have been trained on such."""
    plan, other = ensemble.plan, control.plan
    parts = ("spacing", "input_size", "channels", "classes", "straighten")
    differ = [name for name in parts if getattr(plan, name) != getattr(other, name)]
    if differ:
        raise PlanError(
            "The model of shuffled labels was made by another plan.",
            expected=f"the same {', '.join(parts)}",
            got=f"another {', '.join(differ)}",
            remedy="Train it on the same images and channels, with only the labels shuffled.",
        )
