"""What a report shows of explanations: tables, pictures, maps in the viewer of each case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ricenet_v2.explanation.figures import write_cascade, write_shares
from ricenet_v2.explanation.options import PREDICTED
from ricenet_v2.explanation.sanity.verdict import MOST_ALIKE
from ricenet_v2.records.explanation import (
    ALL,
    ENSEMBLE,
    LOG_ODDS,
    CohortCheck,
    CohortShare,
    ExplainedCase,
    Explanation,
    MapRecord,
)
from ricenet_v2.records.report import ReportSection, SectionFigure, SectionTable, SectionVolume
from ricenet_v2.report.formatting import cases as count_of

ORDER = 50
_FILLS = {
    "local_mean": "the mean around them",
    "mirror": "the other side of the head",
    "zero": "0",
    "zero_gy": "0 Gy",
}
_SHOWN = ("occlusion", "integrated_gradients", "hirescam", "gradcam")


def report_part(made: Explanation, cases: Sequence[ExplainedCase], output: Path) -> ReportSection:
    """The part, and its pictures written beside it.

    Args:
        made: What was found.
        cases: All that were explained.
        output: Folder.
    """
    pictures = []
    if cases:
        pictures += write_shares(made, output)
        pictures += write_cascade(cases, MOST_ALIKE, output)
    return ReportSection(
        title="What the networks looked at",
        words=" ".join(_words(made)),
        tables=tuple(_tables(made)),
        pictures=tuple(pictures),
        cases={case.case_id: (_panels(made, case),) for case in cases},
        volumes={case.case_id: tuple(_volumes(case)) for case in cases},
        order=ORDER,
    )


def _target(name: str) -> str:
    return "the class that is predicted" if name == PREDICTED else name


def _words(made: Explanation) -> Iterator[str]:
    settings = made.settings
    yield (
        f"{count_of(len(made.cases))}. A map says what this model used, not what is true of the "
        "patient: a place can matter to the answer and be no sign of disease."
    )
    yield (
        f"Occlusion hides cubes of {float(settings['window_mm']):g} mm, "
        f"{float(settings['stride_mm']):g} mm apart, under {_FILLS[settings['image']]} in images "
        f"and {_FILLS[settings['dose']]} in doses; a positive value means that the place speaks "
        f"for {_target(settings['target'])}."
    )
    for check in made.checks:
        if check.failed:
            yield f"FAILED: {check.map} did not pass its checks: {'; '.join(check.failed)}."
    if not made.checks:
        yield "The maps were not checked (--sanity off)."
    if made.checks and not made.control_hashes:
        yield "No model of shuffled labels was given (--random_label_model)."
    if made.failed:
        yield f"Not explained: {', '.join(made.failed)}."


def _tables(made: Explanation) -> Iterator[SectionTable]:
    parts = [one for one in made.shares if one.channel is None and one.map in _SHOWN]
    channels = [one for one in made.shares if one.channel is not None]
    if parts:
        yield SectionTable(
            "Share of the absolute attribution inside the brain by part (outside the brain: of "
            "all), mean over cases; expected is the part's share of the brain's volume; p and "
            "95 % interval of the excess are by turning signs of patients. Fewer than six patients "
            "have none of these. "
            "Untrained: mean share in maps of networks with random weights, and p of the share "
            "among theirs. A share tells of what was learnt only where both p are small",
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
            tuple(_part_row(one) for one in parts),
        )
    if channels:
        yield SectionTable(
            "Share of absolute attribution by channel, each explained alone",
            ("map", "channel", "cases", "share"),
            tuple(
                (
                    _named(one.map),
                    one.channel or "",
                    str(one.n),
                    f"{100 * one.mean:.1f} %",
                )
                for one in channels
            ),
        )
    if made.checks:
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
            tuple(_check_row(one) for one in made.checks),
        )


def _part_row(one: CohortShare) -> tuple[str, ...]:
    return (
        _named(one.map),
        one.part,
        str(one.n),
        f"{100 * one.mean:.1f} %",
        "" if one.expected is None else f"{100 * one.expected:.1f} %",
        "" if one.excess is None else _percent(one.excess, one.excess_interval),
        "" if one.p is None else f"{one.p:.3f}",
        "" if one.untrained is None else f"{100 * one.untrained:.1f} %",
        "" if one.p_untrained is None else f"{one.p_untrained:.3f}",
    )


def _check_row(one: CohortCheck) -> tuple[str, ...]:
    return (
        _named(one.map),
        str(one.n),
        f"{one.randomised:.2f}",
        "not given" if one.control is None else f"{one.control:.2f}",
        f"{one.deletion_gain:+.3f} ({100 * one.deletion_better:.0f} %)",
        f"{one.insertion_gain:+.3f} ({100 * one.insertion_better:.0f} %)",
        "one network" if one.agreement is None else f"{one.agreement:.2f}",
        "" if one.completeness is None else f"{100 * one.completeness:.1f} %",
        f"FAILED: {'; '.join(one.failed)}" if one.failed else "passed",
    )


def _percent(value: float, ends: tuple[float, float] | None) -> str:
    told = f"{100 * value:.1f} %"
    return told if ends is None else f"{told} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def _panels(made: Explanation, case: ExplainedCase) -> SectionFigure:
    told = [
        f"Maps for {case.target}: orange places speak for it, blue ones against it. Probability "
        f"{case.probability:.2f}: the mean of the networks and mirrorings, as in ricenet_predict; "
        "the maps are of the image as it is."
    ]
    told += [f"Planes through {case.planes}."] if case.planes else []
    told += [f"{case.isodose}."] if case.isodose else []
    told += [
        f"Integrated gradients of fold {one.fold} add up to {one.total:.3g} where they should to "
        f"{one.score - one.reference:.3g}: an error of {100 * one.error:.1f} %."
        for one in case.completeness
    ]
    told += [f"FAILED, {c.map}: {'; '.join(c.failed)}." for c in case.checks if c.failed]
    cohort = [check.map for check in made.checks if check.failed]
    told += [f"Over all cases these maps failed: {', '.join(cohort)}."] if cohort else []
    told += [f"{warning}." for warning in case.warnings]
    return SectionFigure(case.picture, " ".join(told))


def _volumes(case: ExplainedCase) -> Iterator[SectionVolume]:
    words = f"Orange speaks for {case.target}, blue against it; colours are clear near 0."
    failed = {check.map for check in case.checks if check.failed}
    for one in case.maps:
        if one.member != ENSEMBLE or one.unit != LOG_ODDS or not _in_viewer(one):
            continue
        doubt = " This map failed a sanity check." if one.method in failed else ""
        yield SectionVolume(one.file, one.name.replace("__", ", "), one.unit, words + doubt)


def _in_viewer(one: MapRecord) -> bool:
    """All maps of all channels, and occlusion of each alone: each costs room on the page."""
    return one.channel == ALL or one.method == "occlusion"


def _named(name: str) -> str:
    return name.replace("__", ", ").replace("_", " ")
