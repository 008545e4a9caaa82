"""matplotlib figures as pictures inside a page: text stays text, colours follow the page."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# matplotlib knows no CSS variables: each colour of the page has a stand-in, exchanged at the end.
STAND_INS: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#010101",
        "muted": "#020202",
        "line": "#030303",
        "first": "#040404",
        "second": "#050505",
        "mark": "#060606",
        "surface": "#070707",
    }
)
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "ricenet_v2"}
_LEFT, _BOTTOM, _RIGHT, _TOP = 0.19, 0.25, 0.95, 0.87
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def axes(width: float, height: float) -> Axes:
    """Axes of a new figure with a clear background, which lie in every figure at the same place.

    Args:
        width: Of the figure, in inches, of which the page makes what it likes.
        height: Of the figure.
    """
    made = Figure(figsize=(width, height))
    FigureCanvasSVG(made)
    made.patch.set_visible(False)
    return made.add_axes((_LEFT, _BOTTOM, _RIGHT - _LEFT, _TOP - _BOTTOM))


def picture(drawn: Axes, description: str) -> Markup:
    """The figure of these axes as an inline SVG element that a screen reader can speak.

    Args:
        drawn: From `axes`.
        description: What is spoken; no other picture of the page has the same.
    """
    whole, stream = drawn.get_figure(root=True), io.StringIO()
    assert whole is not None
    with mpl.rc_context(_SETTINGS):
        whole.savefig(stream, format="svg", metadata=_NO_METADATA)
    text = stream.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    for pattern in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<style.*?</style>"):
        body = re.sub(pattern, "", body, flags=re.DOTALL)
    body = _own_names(body, description).replace("xlink:href", "href")
    for name, stand_in in STAND_INS.items():
        body = body.replace(stand_in, f"var(--{name})")
    label = escape(description)
    head = f'<svg class="chart" viewBox="{box[1]}" role="img" aria-label="{label}">'
    return Markup(f"{head}<title>{label}</title>{body.strip()}")  # noqa: S704 (escaped above)


def _own_names(body: str, description: str) -> str:
    """Drop the ids that nothing refers to, and make the others unique within a page."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    key = hashlib.sha256((description + body).encode()).hexdigest()[:8]
    body = re.sub(
        r' id="([^"]+)"', lambda hit: f' id="{key}-{hit[1]}"' if hit[1] in used else "", body
    )
    return re.sub(r'(url\(#|href="#)([^)"]+)', rf"\g<1>{key}-\g<2>", body)
