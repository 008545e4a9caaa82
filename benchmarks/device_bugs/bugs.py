"""All faults of devices that are planted."""

from __future__ import annotations

from benchmarks.device_bugs import in_data, in_explanation, in_machine, in_prediction, in_training
from benchmarks.device_bugs.bug import DeviceBug

BUGS: tuple[DeviceBug, ...] = (
    *in_training.BUGS,
    *in_data.BUGS,
    *in_machine.BUGS,
    *in_prediction.BUGS,
    *in_explanation.BUGS,
)
