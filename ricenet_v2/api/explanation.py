"""Explain the predictions of a folder of patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ricenet_v2.api import access
from ricenet_v2.api.caller import state_kept
from ricenet_v2.api.locations import PathInput, absolute, as_path
from ricenet_v2.api.prediction import Checkpoint
from ricenet_v2.api.public import public
from ricenet_v2.api.studies import only_prepared_images
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.options import check_positive
from ricenet_v2.explanation.folder import explain_folder
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.explanation.quantities.untrained import FEWEST
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.records.explanation import Explanation
from ricenet_v2.store.paths import ModelPaths

__all__ = ["ExplanationOptions", "OcclusionSettings", "explain"]


@public
def explain(
    source: PathInput,
    output: PathInput,
    model: PathInput,
    options: ExplanationOptions | None = None,
    *,
    folds: Sequence[int] | None = None,
    checkpoint: Checkpoint = "final",
    control: PathInput | None = None,
    masks: PathInput | None = None,
    resume: bool = False,
    device: str | None = None,
    case_timeout: float | None = None,
    observer: Callable[[Explanation], None] | None = None,
) -> Explanation:
    """Compute attribution maps of the networks, quantify and check them.

    Args:
        source: Folder with the images, CASE_0000, CASE_0001, ...; or a raw dataset, of which the
            test cases are explained, such as the folder `converted` of new patients.
        output: Folder that is written: maps as NIfTI, pictures, explanation.json.
        model: Folder of the model, see `model_folder`.
        options: Kinds of maps, windows in mm, region, target class, checks.
        folds: Numbers of the folds whose networks are explained; all where None.
        checkpoint: Weights after the last epoch, of the best validation epoch, or the latest.
        control: Folder of a model that was trained on shuffled labels, for the check.
        masks: Folder of CASE_brain and CASE_lesion files; that beside imagesTs where None.
        resume: Keep the cases that are finished and explain the others.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        case_timeout: Seconds that reading and preparing a case may take; as long as it takes where
            None.
        observer: Is called with the result while the folder is held.

    Returns:
        Shares of the attribution by channel, isodose band and lesion, and the outcome of the
        checks, for each case and for all.

    Raises:
        DatasetError: An option cannot be used, or the folder holds no cases.
        CheckpointError: No fold, a named fold or its checkpoint is missing or damaged.
        DeviceLostError: The device failed; cases that are finished are on disk.

    Example:
        >>> options = rn.ExplanationOptions(kinds=("hirescam",), sanity=False, untrained=0)
        >>> model = rn.model_folder("1", workspace=space)
        >>> explanation = rn.explain(images, space / "maps", model, options, device="cpu")
        >>> explanation.cases
        ('PH0016', 'PH0017')
    """
    check_positive(case_timeout=case_timeout)
    chosen = options or ExplanationOptions()
    _check(chosen)
    named = ModelPaths(absolute(model))
    other = None if control is None else ModelPaths(absolute(control))
    held = access.new_cases(absolute(output), named, folds, checkpoint, other)
    with held, state_kept():
        ensemble = load_ensemble(named.folder, folds, checkpoint, device)
        shuffled = None
        if other is not None:
            shuffled = load_ensemble(other.folder, None, checkpoint, device)
        explanation = explain_folder(
            ensemble,
            only_prepared_images(absolute(source), ensemble.dataset.file_ending),
            absolute(output),
            chosen,
            control=shuffled,
            resume=resume,
            masks=as_path(masks),
            seconds=case_timeout,
        )
        if observer is not None:
            observer(explanation)
        return explanation


def _check(options: ExplanationOptions) -> None:
    windows, n = options.occlusion, options.untrained
    if not 0 < windows.stride_mm <= windows.window_mm or windows.memory_gb <= 0:
        raise DatasetError(
            "Windows, strides and memory must be above 0, and a stride must not exceed the window.",
            got=f"a window of {windows.window_mm:g} mm, a stride of {windows.stride_mm:g} mm, "
            f"{windows.memory_gb:g} GiB",
        )
    if n < 0 or 0 < n < FEWEST:
        raise DatasetError(
            "Too few untrained networks for a comparison.",
            expected=f"no untrained networks (0), or {FEWEST} and more",
            got=n,
        )
