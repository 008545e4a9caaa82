"""The page of one case, its picture and its volumes, written side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.files import write_text
from ricenet_v2.core.names import part
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.report import SectionVolume
from ricenet_v2.reporting.case.drawn import DrawnCase, draw
from ricenet_v2.reporting.case.scene import write_png
from ricenet_v2.reporting.case.windows import CT_PRESETS
from ricenet_v2.reporting.formatting import NOTHING, number, percent, share, times
from ricenet_v2.reporting.rendering import render
from ricenet_v2.reporting.results.predicted import PredictedCase
from ricenet_v2.store.raw import RawDataset

CASES, PICTURES = "cases", "pictures"
VIEWER_SCRIPTS = ("legend.js", "contours.js", "windowing.js", "pane.js", "viewer.js")
"""Assets that a page with volumes loads behind NiiVue, in this order."""
_MISSING = "not available"


@dataclass(frozen=True)
class CasePart:
    """Pictures of a case that another command made: title, then file and caption of each."""

    title: str
    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CaseJob(PoolTask):
    """All that the page of a case is made of.

    Attributes:
        case_id: The case.
        dataset: Name of the dataset.
        classes: Names of the classes.
        model: Kind of the trained model, `network` or `model`.
        case: Its row of cases.csv, where it has one.
        raw: The dataset that its images lie in, where they do.
        outputs: Name of each set of predictions, its meaning in words, and the prediction.
        covariates: Covariates that may be shown.
        record: Record of its preprocessed images.
        flags: Flags of the dataset and of predictions, in words.
        before: Case before it.
        after: Case behind it.
        parts: Pictures of other commands.
        maps: Maps of other commands for the viewer, and their files.
        folder: Folder of the report.
        n_bytes: Largest size of picture and volumes; None leaves them in full.
        has_png: Whether the picture is written as PNG too.
        faults: Files of other commands that cannot be shown, in words.
    """

    case_id: str
    dataset: str
    classes: tuple[str, ...]
    model: str
    case: Case | None
    raw: RawDataset | None
    outputs: tuple[tuple[str, str, PredictedCase], ...]
    covariates: tuple[str, ...]
    record: PreprocessedCase | None
    flags: tuple[str, ...]
    before: str
    after: str
    parts: tuple[CasePart, ...]
    maps: tuple[tuple[SectionVolume, Path], ...]
    folder: Path
    n_bytes: float | None
    has_png: bool
    faults: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the case as its files have it."""
        return part(self.case_id, "case", self.folder)


@dataclass(frozen=True)
class _CaseOutput:
    """A set of predictions in words; rows: network, text and width per class, whether in bold."""

    title: str
    note: str
    rows: tuple[tuple[str, tuple[tuple[str, float], ...], bool], ...]
    facts: tuple[tuple[str, str], ...]


def page_name(case_id: str) -> str:
    """Address of a case's page from another case's page."""
    return f"{quote(case_id)}.html"


def write_case(job: CaseJob, plan: Plan | None = None, seconds: float | None = None) -> str:
    """Write page, picture and volumes of a case.

    Args:
        job: The case.
        plan: Plan by which its images were preprocessed, if it is known.
        seconds: Time limit for reading and drawing its images; None sets no limit.

    Returns:
        Why its images, or some files of other commands, are not shown, in words; empty where all
        are.
    """
    shown: dict[str, object] = {
        "has_volumes": False, "volumes": "", "volume_mm": "", "picture": "", "picture_png": "",
        "picture_size": (0, 0), "picture_words": "", "picture_note": "", "line_reference": "",
        "presets": CT_PRESETS, "viewer_scripts": VIEWER_SCRIPTS,
    }  # fmt: skip
    faults, flags = list(job.faults), [*job.flags, *job.faults]
    if job.raw is None or job.case is None:
        shown["picture_note"] = (
            "The images of this case were not available where the report was made."
        )
    else:
        try:
            drawn = within(
                seconds, draw, job.raw, job.case, job.maps, job.record, plan, job.n_bytes
            )
            shown |= _written(job, drawn)
            faults += drawn.left_out
            flags += [*drawn.left_out, *drawn.flags]
        except Exception as error:  # noqa: BLE001 - the page stands without them, as do the others
            fault = _without_files(_without_paths(error), job.raw, job.case)
            faults.append(fault)
            flags.append("its images are not shown: they could not be read, or are damaged")
            shown["picture_note"] = f"The images could not be shown: {fault}"
    text = render(
        "case.html",
        root="../",
        case_id=job.case_id,
        dataset=job.dataset,
        classes=job.classes,
        model=job.model,
        before=(job.before, page_name(job.before)) if job.before else None,
        after=(job.after, page_name(job.after)) if job.after else None,
        glance=_glance(job),
        outputs=[_output(*output, job.classes) for output in job.outputs],
        flags=flags,
        parts=job.parts,
        provenance=_provenance(job),
        **shown,
    )
    write_text(job.folder / CASES / f"{job.name}.html", text)
    return "; ".join(faults)


def _without_files(text: str, raw: RawDataset, case: Case) -> str:
    """The text with channels and masks in place of the names of their files."""
    text = text.replace(f"{raw.folder}/", "")
    for path, channel in zip(raw.images(case), raw.dataset.channels, strict=True):
        text = text.replace(path.name, f"channel {channel.name}")
    masks = {name: raw.mask(case, name) for name in ("brain", "lesion")}
    for name, mask in masks.items():
        text = text if mask is None else text.replace(mask.name, f"{name} mask")
    return text


def _without_paths(error: Exception) -> str:
    """The text of an error without the paths of this machine, since reports are passed on."""
    if not isinstance(error, RicenetError):
        return reason_of(error)
    file = "" if error.file is None else f" ({Path(error.file).name})"
    got = "" if error.got is None else f" {error.got}"
    return f"{error.what}{file}{got}"


def _written(job: CaseJob, drawn: DrawnCase) -> dict[str, object]:
    """Write picture and volumes, and return the content of the page about them."""
    folder = job.folder / PICTURES / CASES
    write_text(folder / f"{job.name}.svg", drawn.svg)
    if job.has_png:
        write_png(drawn.scene, folder / f"{job.name}.png")
    write_text(job.folder / CASES / f"{job.name}.js", drawn.script)
    picture = f"../{PICTURES}/{CASES}/{quote(job.case_id)}"
    return {
        "has_volumes": True,
        "volumes": f"{quote(job.case_id)}.js",
        "volume_mm": number(round(max(drawn.spacing), 1)),
        "picture": f"{picture}.svg",
        "picture_png": f"{picture}.png" if job.has_png else "",
        "picture_size": (round(drawn.scene.width), round(drawn.scene.height)),
        "picture_words": drawn.scene.description,
        "picture_note": drawn.note,
        "line_reference": drawn.reference,
    }


def _glance(job: CaseJob) -> list[tuple[str, str, str]]:
    known = next((o[2].truth for o in job.outputs if o[2].truth), "")
    truth = job.case.label if job.case else known
    origin = "label in cases.csv" if job.case else "label in the table of predictions"
    tiles = [("Truth", truth or NOTHING, origin if truth else "not known")]
    if job.case:
        tiles.append(("Split", "training" if job.case.split == "train" else "test", "cases.csv"))
    for name, _, prediction in job.outputs:
        top = max(range(len(job.classes)), key=lambda n: prediction.probabilities[n])
        note = "differs from the truth" if prediction.is_right is False else f"by the {job.model}"
        tiles.append((f"Predicted, {name}", prediction.predicted, note))
        what = "Share of votes for" if prediction.is_vote else "Probability of"
        tiles.append((f"{what} {job.classes[top]}", f"{prediction.probabilities[top]:.2f}", name))
    return tiles


def _output(
    title: str, note: str, prediction: PredictedCase, classes: Sequence[str]
) -> _CaseOutput:
    rows = [
        (
            "ensemble" if len(prediction.members) > 1 else prediction.part,
            _cells(prediction.probabilities),
            True,
        )
    ]
    if len(prediction.members) > 1:
        rows += [(name, _cells(values), False) for name, values in prediction.members]
    most = math.log(len(classes))
    facts = [("Entropy", f"{abs(prediction.entropy):.2f} of at most {most:.2f} nats")]
    if prediction.agreement is not None:
        facts.append(("Members that agree", percent(prediction.agreement)))
    if len(prediction.members) > 1:
        disagreement = (
            _MISSING if prediction.disagreement is None else f"{prediction.disagreement:.3f} nats"
        )
        facts.append(("Disagreement of members", disagreement))
    nearer = _MISSING if prediction.distance is None else share(prediction.distance)
    facts.append(("Held-out cases closer to the training cases", nearer))
    return _CaseOutput(title, note + _relative(prediction, classes), tuple(rows), tuple(facts))


def _relative(prediction: PredictedCase, classes: Sequence[str]) -> str:
    """Why the predicted class is not the most probable one, where it is not."""
    most_probable, _ = max(
        zip(classes, prediction.probabilities, strict=True), key=lambda pair: pair[1]
    )
    if prediction.is_vote or prediction.predicted == most_probable:
        return ""
    return (
        " The predicted class is the one whose probability is largest relative to its share of the "
        "cases, and here that is not the most probable one."
    )


def _cells(probabilities: Sequence[float]) -> tuple[tuple[str, float], ...]:
    return tuple((f"{value:.2f}", round(100 * value, 1)) for value in probabilities)


def _provenance(job: CaseJob) -> list[tuple[str, str]]:
    rows = []
    if job.case is not None:
        rows += [
            (name, known(job.case.covariates.get(name, "")) or NOTHING) for name in job.covariates
        ]
    image_records = [
        prediction.source for _, _, prediction in job.outputs if prediction.source is not None
    ]
    record = job.record or (image_records[0] if image_records else None)
    if record is not None:
        rows += [
            ("Images", f"{times(record.source_grid_shape)} voxels (z, y, x)"),
            *((("Missing channels", ", ".join(record.missing)),) if record.missing else ()),
            ("Spacing", f"{times(record.source_spacing)} mm (z, y, x)"),
            _cropped(record),
            *((f"Maximum of {k}", f"{number(v)} Gy") for k, v in record.dose_maximum.items()),
            ("Inputs (SHA-256)", record.inputs_hash),
        ]
    return rows or [("Images", "not available where the report was made")]


def _cropped(record: PreprocessedCase) -> tuple[str, str]:
    """Part of the images that the network sees, before it is brought to the input size."""
    if record.straight is not None:
        box = record.straight
        return (
            "Straightened to",
            f"{record.region}, {times(box.shape)} voxels of {times(box.spacing)} mm (z, y, x) "
            "along the axes of the patient, since the images were tilted",
        )
    size = [b - a for a, b in zip(record.crop_start, record.crop_stop, strict=True)]
    return "Cropped to", f"{record.region}, {times(size)} voxels"
