"""Output of ricenet_explain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.explanation.options import ExplanationOptions
    from ricenet_v2.records.explanation import CohortShare, Explanation


def show(explanation: Explanation, options: ExplanationOptions, output: Path) -> None:
    """Tables of what was found."""
    from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON, REPORT_PART_JSON

    _show_cases(explanation, output)
    first = options.kinds[0]
    shown = [share for share in explanation.shares if share.map == first]
    if shown:
        common.table(
            _title(first, shown),
            ("part", "cases", "share", "expected", "excess", "p", "untrained", "p (untrained)"),
            [
                (
                    share.part,
                    share.n,
                    f"{100 * share.mean:.1f} %",
                    "" if share.expected is None else f"{100 * share.expected:.1f} %",
                    "" if share.excess is None else _percent(share.excess, share.excess_interval),
                    "" if share.p is None else f"{share.p:.3f}",
                    "" if share.untrained is None else f"{100 * share.untrained:.1f} %",
                    "" if share.p_untrained is None else f"{share.p_untrained:.3f}",
                )
                for share in shown
            ],
            has_numbers=True,
        )
        print(
            "Dose in percent of the prescription, else of its 99.9th percentile. Shares are of the "
            "attribution inside the region (outside: of all); expected: the part's share of the "
            "region's volume; untrained: the mean share in maps of networks with random weights. A "
            "share reflects what was learnt only where both p are small."
        )
        if all(share.p is None for share in shown):
            print("Fewer than six patients: no intervals and no p-values over patients.")
    if explanation.checks:
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
                    check.map,
                    f"{check.randomised:.2f}",
                    "not given" if check.control is None else f"{check.control:.2f}",
                    f"{check.deletion_gain:+.3f} ({100 * check.deletion_better:.0f} %)",
                    f"{check.insertion_gain:+.3f} ({100 * check.insertion_better:.0f} %)",
                    "one network" if check.agreement is None else f"{check.agreement:.2f}",
                    f"FAILED: {'; '.join(check.failed)}" if check.failed else "passed",
                )
                for check in explanation.checks
            ],
        )
        print(
            "Correlations with maps of random weights and of shuffled labels should be low, those "
            "of folds high. Deletion and insertion: gain over random orders, and the proportion "
            "of them that is exceeded; by chance it is one half."
        )
    else:
        print("The maps were not checked (--sanity off).")
    files = (EXPLANATION_JSON, EXPLANATION_CSV, REPORT_PART_JSON)
    print(f"Maps, pictures and tables: {output} ({', '.join(files)})")


def _show_cases(explanation: Explanation, output: Path) -> None:
    from ricenet_v2.core import documents
    from ricenet_v2.explanation.finished import case_file
    from ricenet_v2.records.explained_case import ExplainedCase
    from ricenet_v2.reporting.formatting import cases as count_of

    cases = [documents.read(ExplainedCase, case_file(output, case)) for case in explanation.cases]
    networks = len(explanation.checkpoint_hashes)
    rows = {
        "case": [case.case_id for case in cases],
        "explained class": [case.target for case in cases],
        "probability": [f"{case.probability:.3f}" for case in cases],
        "integrated gradients, error": [
            ", ".join(f"{100 * completeness.error:.1f} %" for completeness in case.completeness)
            for case in cases
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
    if explanation.failed:
        common.table(
            f"{count_of(len(explanation.failed))} failed",
            ("case", "error"),
            list(explanation.failed.items()),
        )


def _title(name: str, shares: Sequence[CohortShare]) -> str:
    n = max(share.n for share in shares)
    return f"Where {name} lies, {'in one case' if n == 1 else 'mean over cases'}"


def _percent(value: float, ends: tuple[float, float] | None) -> str:
    percent = f"{100 * value:.1f} %"
    return percent if ends is None else f"{percent} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
