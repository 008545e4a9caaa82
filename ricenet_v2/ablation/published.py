"""The ablation that the RICE-NET paper reports (arXiv 2603.11827), for datasets of its channels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ricenet_v2.records.ablation import Published
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS

CITATION = "Peretzke et al. 2026, arXiv 2603.11827"
REMARK = (
    "The paper's test set is 12 patients (7 recurrences, 5 radiation effects): its macro F1 of "
    "0.916 is 11 of 12 classified correctly, whose Clopper-Pearson 95 % interval is 0.615 to "
    "0.998; one patient is 8 points. Its validation metrics are of 80 patients in 5 folds. Another "
    "cohort and another training: the columns stand beside each other for orientation, not as a "
    "test."
)
_POST_OP, _EVENT, _DOSE = "post_op", "event", "dose"
# Macro F1: channels, validation, test, what the sources say of it.
_ROWS: tuple[tuple[tuple[str, ...], float | None, float | None, str], ...] = (
    ((_POST_OP, _EVENT, _DOSE), 0.804, 0.916, ""),
    ((_POST_OP,), 0.70, None, ""),
    ((_EVENT,), 0.58, None, ""),
    ((_DOSE,), 0.78, None, ""),
    (
        (_POST_OP, _EVENT),
        0.70,
        None,
        "test: about 0.35 below validation; validation as one reading note gives it",
    ),
    ((_POST_OP, _DOSE), 0.828, None, ""),
    ((_EVENT, _DOSE), 0.83, None, ""),
)


def published_for(channels: Sequence[Channel]) -> tuple[Published, ...]:
    """The paper's table under the names of the dataset; empty where its channels are others.

    Args:
        channels: Channels of the dataset; those of the paper are an MRI after surgery (time point
            `post_op`), an MRI at the event (time point `event`) and a dose.
    """
    by_role = {_role(channel): channel.name for channel in channels}
    if len(channels) != 3 or set(by_role) != {_POST_OP, _EVENT, _DOSE}:
        return ()
    order = [channel.name for channel in channels]
    rows = []
    for roles, validation, test, remark in _ROWS:
        names = sorted((by_role[role] for role in roles), key=order.index)
        rows.append(Published("+".join(names), validation, test, remark))
    return tuple(rows)


def _role(channel: Channel) -> str:
    when = re.sub(r"[^a-z]", "", (channel.timepoint or "").lower())
    if KINDS[channel.kind].is_dose:
        return _DOSE
    known = {"postop": _POST_OP, "event": _EVENT}
    return known.get(when, "") if channel.kind == "mri" else ""
