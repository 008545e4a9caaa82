"""Section of a report on explanations: tables, pictures, maps in the viewer of each case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ricenet_v2.explanation.figures import write_cascade, write_shares
from ricenet_v2.explanation.options import PREDICTED
from ricenet_v2.explanation.sanity.verdict import MOST_SIMILAR
from ricenet_v2.records.explained_case import ALL, ENSEMBLE, LOG_ODDS, ExplainedCase, MapRecord
from ricenet_v2.records.explanation import CohortCheck, CohortShare, Explanation
from ricenet_v2.records.report import ReportSection, SectionFigure, SectionTable, SectionVolume
from ricenet_v2.reporting.formatting import cases as count_of

ORDER = 50
_FILLS = {
    "local_mean": "the mean around them",
    "mirror": "the other side of the head",
    "zero": "0",
    "zero_gy": "0 Gy",
}
_SHOWN = ("occlusion", "integrated_gradients", "hirescam", "gradcam")


def report_part(
    explanation: Explanation, cases: Sequence[ExplainedCase], output: Path
) -> ReportSection:
    """The part, and its pictures written beside it.

    Args:
        explanation: Results over the cohort.
        cases: All that were explained.
        output: Folder.
    """
    pictures = []
    if cases:
        pictures += write_shares(explanation, output)
        pictures += write_cascade(cases, MOST_SIMILAR, output)
    return ReportSection(
        title="Attribution maps of the networks",
        words=" ".join(_sentences(explanation)),
        tables=tuple(_tables(explanation, cases)),
        pictures=tuple(pictures),
        cases={case.case_id: (_panels(explanation, case),) for case in cases},
        volumes={case.case_id: tuple(_volumes(case)) for case in cases},
        order=ORDER,
    )


def _target(name: str) -> str:
    return "the class that is predicted" if name == PREDICTED else name


def _sentences(explanation: Explanation) -> Iterator[str]:
    yield (
        f"{count_of(len(explanation.cases))}. A map says what this model used, not what is true of "
        "the patient: a place can influence the prediction without being a sign of disease."
    )
    if any(share.map == "occlusion" for share in explanation.shares):
        yield _of_occlusion(explanation.settings)
    for check in explanation.checks:
        if check.failed:
            yield f"FAILED: {check.map} did not pass its checks: {'; '.join(check.failed)}."
    if not explanation.checks:
        yield "The maps were not checked (--sanity off)."
    if explanation.checks and not explanation.control_hashes:
        yield "No model of shuffled labels was given (--random_label_model)."
    if explanation.failed:
        yield f"Not explained: {', '.join(explanation.failed)}."


def _of_occlusion(settings: Mapping[str, str]) -> str:
    return (
        f"Occlusion hides cubes of {float(settings['window_mm']):g} mm, "
        f"{float(settings['stride_mm']):g} mm apart, under {_FILLS[settings['image']]} in images "
        f"and {_FILLS[settings['dose']]} in doses; a positive value means that the place speaks "
        f"for {_target(settings['target'])}."
    )


def _regions(cases: Sequence[ExplainedCase]) -> str:
    """Regions of the cases, e.g. `brain mask: 10 cases; head: 1 case`."""
    counts = Counter(case.source.region for case in cases)
    return "; ".join(f"{region}: {count_of(n)}" for region, n in sorted(counts.items()))


def _tables(explanation: Explanation, cases: Sequence[ExplainedCase]) -> Iterator[SectionTable]:
    parts = [share for share in explanation.shares if share.channel is None and share.map in _SHOWN]
    channels = [share for share in explanation.shares if share.channel is not None]
    if parts:
        yield SectionTable(
            "Where the attribution lies, mean over cases",
            (
                "map",
                "part",
                "cases",
                "share",
                "expected",
                "excess",
                "p",
                "untrained",
                "p (untrained)",
            ),
            tuple(_part_row(share) for share in parts),
            note=f"Share: of the absolute attribution inside the region of each case "
            f"({_regions(cases)}), by part; outside the region it is the share of the whole map. "
            "Expected: the part's share of the region's volume. Excess, with its 95 % interval and "
            "p: by turning signs of patients, for six patients or more. Untrained: the mean share "
            "in maps of networks with random weights, and p of the share among theirs. A share "
            "reflects what was learnt only where both p are small.",
        )
    if channels:
        yield SectionTable(
            "Share of absolute attribution by channel, each explained alone",
            ("map", "channel", "cases", "share"),
            tuple(
                (
                    _named(share.map),
                    share.channel or "",
                    str(share.n),
                    f"{100 * share.mean:.1f} %",
                )
                for share in channels
            ),
        )
    if explanation.checks:
        yield SectionTable(
            "Sanity checks, mean over cases",
            (
                "map",
                "cases",
                "correlation, random weights",
                "correlation, shuffled labels",
                "deletion, gain over random orders (share beaten)",
                "insertion, gain over random orders (share beaten)",
                "agreement of folds",
                "error of the sum",
                "verdict",
            ),
            tuple(_check_row(check) for check in explanation.checks),
        )


def _part_row(share: CohortShare) -> tuple[str, ...]:
    return (
        _named(share.map),
        share.part,
        str(share.n),
        f"{100 * share.mean:.1f} %",
        "" if share.expected is None else f"{100 * share.expected:.1f} %",
        "" if share.excess is None else _percent(share.excess, share.excess_interval),
        "" if share.p is None else f"{share.p:.3f}",
        "" if share.untrained is None else f"{100 * share.untrained:.1f} %",
        "" if share.p_untrained is None else f"{share.p_untrained:.3f}",
    )


def _check_row(check: CohortCheck) -> tuple[str, ...]:
    return (
        _named(check.map),
        str(check.n),
        f"{check.randomised:.2f}",
        "not given" if check.control is None else f"{check.control:.2f}",
        f"{check.deletion_gain:+.3f} ({100 * check.deletion_better:.0f} %)",
        f"{check.insertion_gain:+.3f} ({100 * check.insertion_better:.0f} %)",
        "one network" if check.agreement is None else f"{check.agreement:.2f}",
        "" if check.completeness is None else f"{100 * check.completeness:.1f} %",
        f"FAILED: {'; '.join(check.failed)}" if check.failed else "passed",
    )


def _percent(value: float, ends: tuple[float, float] | None) -> str:
    text = f"{100 * value:.1f} %"
    return text if ends is None else f"{text} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def _panels(explanation: Explanation, case: ExplainedCase) -> SectionFigure:
    sentences = [
        f"Maps for {case.target}: orange places speak for it, blue ones against it. Probability "
        f"{case.probability:.2f}: the mean of the networks and mirrorings, as in ricenet_predict; "
        "the maps are of the image as it is."
    ]
    sentences += [f"Planes through {case.planes}."] if case.planes else []
    sentences += [f"{case.isodose}."] if case.isodose else []
    sentences += [
        f"Integrated gradients of fold {total.fold} add up to {total.total:.3g} instead of "
        f"{total.score - total.reference:.3g}: an error of {100 * total.error:.1f} %."
        for total in case.completeness
    ]
    sentences += [f"FAILED, {c.map}: {'; '.join(c.failed)}." for c in case.checks if c.failed]
    cohort = [check.map for check in explanation.checks if check.failed]
    sentences += [f"Over all cases these maps failed: {', '.join(cohort)}."] if cohort else []
    sentences += [f"{warning}." for warning in case.warnings]
    return SectionFigure(case.picture, " ".join(sentences))


def _volumes(case: ExplainedCase) -> Iterator[SectionVolume]:
    caption = f"Orange speaks for {case.target}, blue against it; colours are clear near 0."
    failed = {check.map for check in case.checks if check.failed}
    for record in case.maps:
        if record.member != ENSEMBLE or record.unit != LOG_ODDS or not _in_viewer(record):
            continue
        doubt = " This map failed a sanity check." if record.method in failed else ""
        yield SectionVolume(
            record.file, record.name.replace("__", ", "), record.unit, caption + doubt
        )


def _in_viewer(record: MapRecord) -> bool:
    """All maps of all channels, and occlusion of each alone: each costs room on the page."""
    return record.channel == ALL or record.method == "occlusion"


def _named(name: str) -> str:
    return name.replace("__", ", ").replace("_", " ")
