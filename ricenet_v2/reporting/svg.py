"""matplotlib figures as pictures inside a page: text stays text, colours follow the page."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from matplotlib.figure import Figure

from ricenet_v2.core.files import replacing
from ricenet_v2.reporting.formatting import RESEARCH_ONLY

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
PAPER: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#1b1e21",
        "muted": "#4c5258",
        "line": "#e3e4e1",
        "first": "#3a72b0",
        "second": "#767c83",
        "mark": "#b4500a",
        "surface": "#ffffff",
    }
)
"""Colours of pictures that are files of their own, on white paper."""
_DPI = 300
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def axes(width: float, height: float) -> Axes:
    """Axes of a new figure with a clear background, which lie in every figure at the same place.

    Args:
        width: Width of the figure in inches, which the page scales.
        height: Height of the figure in inches.
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    return figure.add_axes((_LEFT, _BOTTOM, _RIGHT - _LEFT, _TOP - _BOTTOM))


def picture(drawn: Axes, description: str) -> Markup:
    """The figure of these axes as an inline SVG element that a screen reader can speak.

    Args:
        drawn: Axes made by `axes`.
        description: Spoken description; no other picture of the page has the same.
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


def write(drawn: Axes, stem: Path, title: str) -> None:
    """Write the figure for a paper: stem.svg and stem.png, with title and intended use.

    The colours of the figure are exchanged for good, so `picture` comes first.

    Args:
        drawn: Axes made by `axes`.
        stem: Path without ending.
        title: Text above the picture.
    """
    whole = drawn.get_figure(root=True)
    assert whole is not None
    whole.draw_without_rendering()  # makes the ticks, whose letters have a colour too
    for artist in whole.findobj():
        _recolour(artist)
    whole.patch.set(visible=True, facecolor=PAPER["surface"])
    whole.text(0.02, 1.0, title, color=PAPER["ink"], size=8, va="top", weight="bold")
    whole.text(0.02, -0.02, RESEARCH_ONLY, color=PAPER["muted"], size=5.5, va="top")
    with mpl.rc_context(_SETTINGS):
        for ending in ("svg", "png"):
            with replacing(stem.with_name(f"{stem.name}.{ending}")) as temporary:
                metadata = _NO_METADATA if ending == "svg" else None
                whole.savefig(
                    temporary, format=ending, dpi=_DPI, metadata=metadata, bbox_inches="tight"
                )


def _recolour(artist: Artist) -> None:
    """Exchange stand-ins for the colours of paper wherever an artist has them."""
    papers = {STAND_INS[name]: colour for name, colour in PAPER.items()}
    for part in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
        get, put = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
        if get is None or put is None:
            continue
        have = to_rgba_array(get())
        names = [to_hex(colour) for colour in have]
        if any(name in papers for name in names):
            new = [
                to_rgba(papers.get(name, name), colour[3])
                for name, colour in zip(names, have, strict=True)
            ]
            put(new[0] if len(new) == 1 else new)
