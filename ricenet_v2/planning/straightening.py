"""A plan that brings images to the axes of the patient."""

from __future__ import annotations

import dataclasses

from ricenet_v2.records.decision import Decision
from ricenet_v2.records.plan import Plan


def straightened(plan: Plan) -> Plan:
    """The plan with images straightened that lie tilted, and the reason."""
    reason = (
        "requested: images that lie tilted are resampled along the axes of the patient, each once "
        "and with its way to the target spacing; prediction does the same"
    )
    decision = Decision(what="straightening", value="on", reason=reason)
    return dataclasses.replace(plan, straighten=True, decisions=(*plan.decisions, decision))
