"""What ricenet_explain prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.explanation.options import ExplanationOptions
    from ricenet_v2.records.explanation import CohortShare, Explanation


def show(found: Explanation, options: ExplanationOptions, output: Path) -> None:
    """Tables of what was found."""
    from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON, REPORT_PART_JSON

    _show_cases(found, output)
    first = options.kinds[0]
    shown = [one for one in found.shares if one.map == first]
    if shown:
        common.table(
            _title(first, shown),
            ("part", "cases", "share", "expected", "excess", "p", "untrained", "p (untrained)"),
            [
                (
                    one.part,
                    one.n,
                    f"{100 * one.mean:.1f} %",
                    "" if one.expected is None else f"{100 * one.expected:.1f} %",
                    "" if one.excess is None else _percent(one.excess, one.excess_interval),
                    "" if one.p is None else f"{one.p:.3f}",
                    "" if one.untrained is None else f"{100 * one.untrained:.1f} %",
                    "" if one.p_untrained is None else f"{one.p_untrained:.3f}",
                )
                for one in shown
            ],
            has_numbers=True,
        )
        print(
            "Dose in percent of the prescription, else of its 99.9th percentile. Shares are of the "
            "attribution inside the brain (outside: of all); expected: the part's share of the "
            "brain's volume; untrained: the mean share in maps of networks with random weights. A "
            "share tells of what was learnt only where both p are small."
        )
        if all(one.p is None for one in shown):
            print("Fewer than six patients: no intervals, and no p over patients.")
    if found.checks:
        common.table(
            "Sanity checks",
            (
                "map",
                "random weights",
                "shuffled labels",
                "deletion",
                "insertion",
                "folds",
                "verdict",
            ),
            [
                (
                    one.map,
                    f"{one.randomised:.2f}",
                    "not given" if one.control is None else f"{one.control:.2f}",
                    f"{one.deletion_gain:+.3f} ({100 * one.deletion_better:.0f} %)",
                    f"{one.insertion_gain:+.3f} ({100 * one.insertion_better:.0f} %)",
                    "one network" if one.agreement is None else f"{one.agreement:.2f}",
                    f"FAILED: {'; '.join(one.failed)}" if one.failed else "passed",
                )
                for one in found.checks
            ],
        )
        print(
            "Correlations with maps of random weights and of shuffled labels should be low, those "
            "of folds high. Deletion and insertion: gain over random orders, and the share of them "
            "that is beaten; chance beats half."
        )
    else:
        print("The maps were not checked (--sanity off).")
    files = (EXPLANATION_JSON, EXPLANATION_CSV, REPORT_PART_JSON)
    print(f"Maps, pictures and tables: {output} ({', '.join(files)})")


def _show_cases(found: Explanation, output: Path) -> None:
    from ricenet_v2.core import documents
    from ricenet_v2.explanation.finished import case_file
    from ricenet_v2.records.explanation import ExplainedCase
    from ricenet_v2.report.formatting import cases as count_of

    cases = [documents.read(ExplainedCase, case_file(output, case)) for case in found.cases]
    networks = len(found.checkpoint_hashes)
    rows = {
        "case": [case.case_id for case in cases],
        "explained class": [case.target for case in cases],
        "probability": [f"{case.probability:.3f}" for case in cases],
        "integrated gradients, error": [
            ", ".join(f"{100 * one.error:.1f} %" for one in case.completeness) for case in cases
        ],
        "warnings": ["; ".join(case.warnings) for case in cases],
    }
    rows = {name: cells for name, cells in rows.items() if any(cells) or not cases}
    by = "the network" if networks == 1 else f"the mean of {networks} networks"
    common.table(
        f"{count_of(len(cases))} explained. {common.RESEARCH_ONLY}",
        tuple(rows),
        list(zip(*rows.values(), strict=True)),
    )
    print(f"Probabilities are those of {by}, over mirrorings.")
    if found.failed:
        common.table(
            f"{count_of(len(found.failed))} failed", ("case", "error"), list(found.failed.items())
        )


def _title(name: str, shares: Sequence[CohortShare]) -> str:
    n = max(one.n for one in shares)
    return f"Where {name} lies, {'in one case' if n == 1 else 'mean over cases'}"


def _percent(value: float, ends: tuple[float, float] | None) -> str:
    told = f"{100 * value:.1f} %"
    return told if ends is None else f"{told} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
