"""Rendering a template and its content as one self-contained page."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    # Names of cases, channels and datasets are written by users: all that is filled in is escaped.
    return Environment(
        loader=PackageLoader("ricenet_v2.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **content: Any) -> str:
    """Fill in a template of `reporting/templates`; names that the template misses are errors."""
    return _environment().get_template(template).render(**content)
