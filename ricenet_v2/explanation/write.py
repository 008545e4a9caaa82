"""The tables of a folder of explanations, and its part of the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.explanation.quantities.cohort import SAMPLES, cohort_shares
from ricenet_v2.explanation.report_section import report_part
from ricenet_v2.explanation.sanity.verdict import over_cohort
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.records.explained_case import Check, ExplainedCase
from ricenet_v2.records.explanation import CohortCheck, Explanation
from ricenet_v2.store import tables
from ricenet_v2.store.paths import EXPLANATION_CSV, EXPLANATION_JSON, REPORT_PART_JSON

COLUMNS = ("case_id", "target", "region", "map", "channel", "member", "part", "share", "expected",
           "p", "untrained", "p_untrained")  # fmt: skip


def write_results(
    ensemble: Ensemble,
    control: Ensemble | None,
    options: ExplanationOptions,
    cases: Sequence[ExplainedCase],
    failed: dict[str, str],
    output: Path,
) -> Explanation:
    """Write explanation.json, explanation.csv and report_part.json.

    Args:
        ensemble: The networks.
        control: Networks of shuffled labels.
        options: Options of the explanation.
        cases: All that were.
        failed: Why others were not, by case id.
        output: Folder.
    """
    explanation = Explanation(
        dataset=ensemble.dataset.name,
        plan=ensemble.plan.name,
        checkpoint_hashes=ensemble.hashes,
        control_hashes={} if control is None else control.hashes,
        settings=settings_of(options),
        cases=tuple(case.case_id for case in cases),
        failed=failed,
        shares=cohort_shares(cases, options.seed),
        checks=tuple(_checks(cases)),
        samples=SAMPLES,
        seed=options.seed,
    )
    tables.write_rows(output / EXPLANATION_CSV, list(_rows(cases)), COLUMNS)
    documents.write(output / EXPLANATION_JSON, explanation)
    documents.write(output / REPORT_PART_JSON, report_part(explanation, cases, output))
    return explanation


def settings_of(options: ExplanationOptions) -> dict[str, str]:
    """Every option as text, those of occlusion by their own names."""
    fields = asdict(options)
    occlusion = fields.pop("occlusion")
    return {
        name: " ".join(value) if isinstance(value, tuple) else str(value)
        for name, value in {**occlusion, **fields}.items()
    }


def _checks(cases: Sequence[ExplainedCase]) -> Iterator[CohortCheck]:
    by_map: dict[str, list[tuple[Check, str]]] = {}
    for case in cases:
        for check in case.checks:
            by_map.setdefault(check.map, []).append((check, case.patient_id))
    for name, checks in by_map.items():
        yield over_cohort(name, *zip(*checks, strict=True))


def _rows(cases: Sequence[ExplainedCase]) -> Iterator[dict[str, object]]:
    for case in cases:
        for record in case.maps:
            for part, share in record.shares.found.items():
                yield {
                    "case_id": case.case_id,
                    "target": case.target,
                    "region": case.source.region,
                    "map": record.name,
                    "channel": record.channel,
                    "member": record.member,
                    "part": part,
                    "share": share,
                    "expected": record.shares.expected.get(part, ""),
                    "p": record.shares.p.get(part, ""),
                    "untrained": _mean(record.shares.untrained.get(part)),
                    "p_untrained": record.shares.p_untrained.get(part, ""),
                }
        for method, channels in case.channel_shares.items():
            for channel, share in channels.items():
                yield {
                    "case_id": case.case_id,
                    "target": case.target,
                    "region": case.source.region,
                    "map": method,
                    "channel": channel,
                    "member": "ensemble",
                    "part": "channel",
                    "share": share,
                    "expected": "",
                    "p": "",
                    "untrained": "",
                    "p_untrained": "",
                }


def _mean(shares: tuple[float, ...] | None) -> float | str:
    return sum(shares) / len(shares) if shares else ""
