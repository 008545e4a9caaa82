"""A picture as a list of images, lines and letters, which can be written as SVG and as PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ricenet_v2.core.files import replacing

Anchor = Literal["start", "middle", "end"]
BACKGROUND = "#000000"
_PIL_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_ENLARGED = 2
_COMPRESSION = 4  # of PNG: the usual 6 saves a tenth of the bytes for half as much time again
_RIM = 3  # of letters, so that they can be read on white too
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Raster:
    """Grey values, or indices of a palette of shape (256, 3), at a place in the picture."""

    x: float
    y: float
    width: float
    height: float
    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None = None

    def image(self) -> Image.Image:
        """The raster as a Pillow image."""
        image = Image.fromarray(np.ascontiguousarray(self.pixels), mode=None)
        if self.palette is not None:
            image.putpalette(self.palette.tobytes())
        return image


@dataclass(frozen=True)
class Line:
    """Points of shape (n, 2), x and y."""

    points: NDArray[np.float64]
    colour: str
    width: float
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Text:
    """Letters whose baseline begins, is centred or ends at a point."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Anchor = "start"


Item = Raster | Line | Text


@dataclass(frozen=True)
class Scene:
    """All of a picture, drawn in this order; `description` is for those who cannot see it."""

    width: float
    height: float
    description: str
    items: tuple[Item, ...]


def svg(scene: Scene) -> Markup:
    """An SVG element that can stand in a page or, as it is, in a file."""
    label = escape(scene.description)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="scan" role="img" '
        f'viewBox="0 0 {scene.width:g} {scene.height:g}" font-family="{_FONT}" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<rect width="100%" height="100%" fill="{BACKGROUND}"/>'
    )
    drawn: dict[str, tuple[int, int, int]] = {}
    body = "".join(
        _svg_line(item, drawn) if isinstance(item, Line) else _svg_of(item) for item in scene.items
    )
    return Markup(f"{head}{body}</svg>")  # noqa: S704 (all text is escaped)


def _svg_of(item: Raster | Text) -> str:
    if isinstance(item, Raster):
        stream = io.BytesIO()
        item.image().save(stream, format="png")
        return (
            f'<image x="{item.x:.1f}" y="{item.y:.1f}" width="{item.width:.1f}" '
            f'height="{item.height:.1f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"/>'
        )
    return (
        f'<text x="{item.x:.1f}" y="{item.y:.1f}" font-size="{item.size:g}" fill="{item.colour}" '
        f'text-anchor="{item.anchor}" stroke="{BACKGROUND}" stroke-width="{_RIM}" '
        f'paint-order="stroke" stroke-linejoin="round">{escape(item.text)}</text>'
    )


def _svg_line(line: Line, drawn: dict[str, tuple[int, int, int]]) -> str:
    """A line; one of a form that was drawn before, as in every row of a picture, refers to that.

    Points are written as relative steps in tenths: short, and as exact as eyes are.

    Args:
        line: The line.
        drawn: Number and first point (in tenths) of each form so far; new forms are added.
    """
    tenths = np.round(line.points * 10).astype(int)
    steps = np.diff(tenths, axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    if not len(steps):
        return ""
    x, y = int(tenths[0, 0]), int(tenths[0, 1])
    dash = f' stroke-dasharray="{" ".join(f"{n:g}" for n in line.dash)}"' if line.dash else ""
    form = "l" + " ".join(f"{a / 10:g} {b / 10:g}" for a, b in steps)
    key = f"{form}{line.colour}{line.width}{dash}"
    if key in drawn:
        number, first_x, first_y = drawn[key]
        return f'<use href="#l{number}" x="{(x - first_x) / 10:g}" y="{(y - first_y) / 10:g}"/>'
    drawn[key] = (len(drawn), x, y)
    return (
        f'<path id="l{len(drawn) - 1}" d="M{x / 10:g} {y / 10:g}{form}" fill="none" '
        f'stroke="{line.colour}" stroke-width="{line.width:g}" stroke-linejoin="round"{dash}/>'
    )


def write_png(scene: Scene, path: Path) -> None:
    """Write the picture as PNG, atomically."""
    with replacing(path) as temporary:
        png(scene).save(temporary, compress_level=_COMPRESSION)


def png(scene: Scene) -> Image.Image:
    """The picture in voxels twice as fine as its units."""
    size = (round(scene.width * _ENLARGED), round(scene.height * _ENLARGED))
    image = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(image)
    for item in scene.items:
        if isinstance(item, Raster):
            at = (round(item.x * _ENLARGED), round(item.y * _ENLARGED))
            large = (round(item.width * _ENLARGED), round(item.height * _ENLARGED))
            image.paste(item.image().convert("RGB").resize(large, Image.Resampling.BILINEAR), at)
        elif isinstance(item, Line):
            for part in dashes(item.points, item.dash):
                _stroke(pen, part, item.colour, item.width)
        else:
            at_text = (item.x * _ENLARGED, item.y * _ENLARGED)
            font, anchor = _font(round(item.size * _ENLARGED)), _PIL_ANCHORS[item.anchor]
            pen.text(
                at_text,
                item.text,
                fill=item.colour,
                font=font,
                anchor=anchor,
                stroke_width=round(_RIM / 2 * _ENLARGED),
                stroke_fill=BACKGROUND,
            )
    return image


def _stroke(
    pen: ImageDraw.ImageDraw, points: NDArray[np.float64], colour: str, width: float
) -> None:
    pen.line(
        [(float(x), float(y)) for x, y in points * _ENLARGED],
        fill=colour,
        width=max(1, round(width * _ENLARGED)),
        joint="curve",
    )


def dashes(points: NDArray[np.float64], dash: Sequence[float]) -> list[NDArray[np.float64]]:
    """A line cut into its dashes: `dash` is the length of one and of the gap behind it."""
    if not dash:
        return [points]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    starts = np.arange(0.0, along[-1], sum(dash))
    stops = np.minimum(starts + dash[0], along[-1])
    first, last = (
        np.stack([np.interp(at, along, points[:, axis]) for axis in range(2)], axis=1)
        for at in (starts, stops)
    )
    within = zip(
        np.searchsorted(along, starts, "right"), np.searchsorted(along, stops, "left"), strict=True
    )
    return [
        np.concatenate([first[n : n + 1], points[begin:end], last[n : n + 1]])
        for n, (begin, end) in enumerate(within)
    ]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Comes with matplotlib, so it looks the same on every machine.
    file = Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(str(file), size)
