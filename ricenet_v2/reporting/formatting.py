"""Numbers as a reader wants them on a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

TIMES, NOTHING = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
"""Signs between numbers along axes, and in place of a missing number."""
RESEARCH_ONLY = "Research use only. Not a medical device."
"""The statement on every page and in every picture."""
_KILO = 1024
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_STEPS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def times(values: Sequence[float]) -> str:
    """Numbers with a multiplication sign between them."""
    return f" {TIMES} ".join(number(value) for value in values)


def number(value: float) -> str:
    """Three significant digits, whole numbers in full with a comma; a dash where not finite."""
    if not math.isfinite(value):
        return NOTHING
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def data(n_bytes: float) -> str:
    """Bytes in the largest fitting unit (steps of 1024), e.g. `1.43 MiB`."""
    step = 0
    while n_bytes >= _KILO and step < len(_STEPS) - 1:
        n_bytes /= _KILO
        step += 1
    return f"{n_bytes:.0f} {_STEPS[step]}" if step == 0 else f"{n_bytes:.3g} {_STEPS[step]}"


def seconds(value: float) -> str:
    """Seconds with three significant digits, e.g. `12.3 ms` or `1.23 s`."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} \N{MICRO SIGN}s"


def duration(value: float) -> str:
    """Seconds in their two largest units, e.g. `3 h 20 min`."""
    if value < 10:
        return f"{value:.2g} s"
    for (unit, size), (smaller, part) in pairwise(_UNITS):
        if round(value) >= size:
            whole, rest = divmod(round(value / part), size // part)
            return f"{whole} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{value:.0f} s"


def count(value: float) -> str:
    """A number with three significant digits and a prefix, e.g. `18.5 M` weights."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.0f}"


def cases(n: int) -> str:
    """A number of cases: `1 case`, `1,200 cases`."""
    return f"{n:,} case" if n == 1 else f"{n:,} cases"


def share(value: float) -> str:
    """A share in percent, two significant digits."""
    return f"{100 * value:.2g} %"


def percent(value: float) -> str:
    """A share in whole percent."""
    return f"{100 * value:.0f} %"


def several(n: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 case`, `12,000 cases`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"
