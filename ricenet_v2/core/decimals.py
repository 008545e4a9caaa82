"""Numbers as readers of tables want them: three digits behind the point, but not of large ones."""

from __future__ import annotations

__all__ = ["decimals", "ends"]

_LARGE, _HUGE = 1e4, 1e9


def decimals(value: float) -> str:
    """`0.512`; from 10,000 on `16,925`, and from 1,000,000,000 on `1.7e+10`."""
    if abs(value) >= _HUGE:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3f}"


def ends(low: float | None, high: float | None, nothing: str) -> str:
    """Both ends of an interval, e.g. `0.512 to 0.893`.

    Args:
        low: Lower end.
        high: Upper end.
        nothing: Text in place of a missing end.
    """
    return nothing if low is None or high is None else f"{decimals(low)} to {decimals(high)}"
