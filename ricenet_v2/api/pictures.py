"""Charts and planes of cases inside a notebook."""

from __future__ import annotations

from html import escape

from ricenet_v2.reporting import svg
from ricenet_v2.reporting.lines import DrawnChart

_COLOURS = ";".join(f"--{name}:{colour}" for name, colour in svg.PAPER.items())


def picture(chart: DrawnChart) -> str:
    """A chart with its title and remark, in the colours of paper."""
    return figure(svg.picture(chart.axes, chart.description), f"{chart.title}. {chart.remark}")


def figure(drawing: str, caption: str, width: str = "26em") -> str:
    """A drawing with a caption below.

    Args:
        drawing: An SVG element.
        caption: Text; it is escaped.
        width: Largest width, with its unit.
    """
    style = f"{_COLOURS};display:inline-block;width:100%;max-width:{width};margin:0.5em"
    below = f"<figcaption>{escape(caption.strip())}</figcaption>"
    return f'<figure style="{style}">{drawing}{below}</figure>'
