"""The pretrained weights that a run starts from, and their record in its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.listing import first_of
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.pretrained import load_pretrained
from ricenet_v2.records.lineage import Lineage
from ricenet_v2.records.plan_parts import NetworkPlan
from ricenet_v2.records.weights import PretrainedSource, WeightsReport
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.fold_remedy import going_on

logger = logging.getLogger(__name__)
_MOST_NAMED = 3


def begin_with(
    network: Classifier,
    plan: NetworkPlan,
    paths: FoldPaths,
    file: Path | None,
    *,
    allow_missing: bool = False,
    writes: bool = True,
    judge: Callable[[WeightsReport], WeightsReport] | None = None,
) -> None:
    """Load the file into a network that was just built, and write pretrained.json.

    Not for a fold that goes on from a checkpoint. Without a file the network is left alone.

    Args:
        network: Changed in place.
        plan: It was built from.
        paths: Paths of the fold.
        file: File of the weights, or None.
        allow_missing: Whether parts of the encoder may keep their random weights.
        writes: Whether this process writes and logs; of several, one does.
        judge: Adds to the record which held-out cases the weights have seen, or refuses.

    Raises:
        CheckpointError: The file does not fit, see `load_pretrained`; or it is refused.
    """
    if file is None:
        if writes:
            paths.pretrained.unlink(missing_ok=True)
        return
    report = load_pretrained(network, plan, file, allow_missing=allow_missing)
    report = report if judge is None else judge(report)
    if writes:
        documents.write(paths.pretrained, report)
        _log_weights(report, paths)


def source_of(paths: FoldPaths) -> PretrainedSource | None:
    """The source of the weights that a fold started from, for run.json."""
    if not paths.pretrained.is_file():
        return None
    return documents.read(WeightsReport, paths.pretrained).source


def lineage_before(paths: FoldPaths) -> Lineage | None:
    """Lineage of the weights from which a fold started; None if there were none."""
    if not paths.pretrained.is_file():
        return None
    report = documents.read(WeightsReport, paths.pretrained)
    reason = f"{report.file} was used by an older version, which did not check its training cases"
    return report.lineage or Lineage(untold=(reason,))


def check_same_source(paths: FoldPaths, file: Path | None) -> None:
    """Refuse to continue a fold with other pretrained weights than it started from.

    Without a file a fold continues with what it has, if it has a checkpoint.

    Raises:
        TrainingError: The fold started from other weights, or from none.
    """
    source = source_of(paths)
    if file is None and (source is None or paths.latest.is_file()):
        return
    there = source.sha256 if source else "none"
    now = sha256_of_file(file) if file is not None and file.is_file() else "none"
    if there != now:
        raise TrainingError(
            "This fold was started with other pretrained weights; cannot resume.",
            file=paths.folder,
            expected=f"{source.file if source else 'no file'} (SHA-256 {there})",
            got=f"{file} (SHA-256 {now})",
            remedy=f"Run `{going_on(paths.folder)}` (a fold that has a checkpoint resumes without "
            "--pretrained_weights too), or move the folder away to train it again.",
        )


def _log_weights(report: WeightsReport, paths: FoldPaths) -> None:
    """A few lines for the console and the log; all names are in pretrained.json."""
    source = report.source
    logger.info(
        "Pretrained weights %s (%s): %d tensors loaded, %d adapted, %d fresh, %d not used, in %s",
        source.file,
        source.format,
        source.loaded,
        source.adapted,
        source.fresh,
        source.not_used,
        paths.pretrained,
    )
    for how in sorted(set(report.adapted.values())):
        changed = [name for name, adaptation in report.adapted.items() if adaptation == how]
        logger.info("  adapted: %s (%s)", first_of(changed, _MOST_NAMED), how)
    for reason, names in report.ignored.items():
        logger.info("  ignored: %d, %s", len(names), reason)
    for what, tensors in (
        ("not in the file", report.missing),
        ("of another shape in the file", tuple(mismatch.name for mismatch in report.wrong_shape)),
        ("with no counterpart in the network", report.unused),
    ):
        if tensors:
            logger.warning("  %s: %s", what, first_of(tensors, _MOST_NAMED))
    if report.leaked:
        logger.warning(
            "  leak allowed: the weights were trained on %d held-out cases (%s), so the metrics of "
            "this fold are not held out",
            len(report.leaked),
            first_of(report.leaked, _MOST_NAMED),
        )
    for note in (*report.doubts, *report.notes, *_unknown_cases(report)):
        logger.warning("  note: %s", note)
    logger.info("  fresh: the head (%s)", ", ".join(report.fresh_head))


def _unknown_cases(report: WeightsReport) -> list[str]:
    known = report.lineage.untold if report.lineage is not None else ()
    return [f"it is not known whether held-out cases were seen: {reason}" for reason in known]
