"""What tests do with the viewer of a case, and what they see of it."""

import json
import shutil

import numpy as np
from PIL import Image

from tests.reporting.browser.pages import PATIENCE, READY


def pixels(page, tmp_path, n=1):
    """Colours of the n-th canvas, axes (rows, columns, 3)."""
    path = tmp_path / "canvas.png"
    page.locator(f"#viewer-canvas-{n}").screenshot(path=str(path))
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def colourful(picture):
    """How much of a picture is not grey."""
    return float((picture.max(axis=2) - picture.min(axis=2)).sum())


def set_dose(page, value):
    """Show the dose with an opacity of `value` %, and no lines."""
    for name in ("isodoses", "lesion"):
        page.uncheck(f"#viewer-{name}")
    page.locator("#viewer-dose").fill(str(value))
    page.wait_for_timeout(300)


def part(page, n, name):
    """A control of the n-th image."""
    return page.locator(f"#viewer-panes > :nth-child({n}) [data-part={name}]")


def changed_page(browser, reported, tmp_path, change):
    """A context and its page of a case whose volumes `change` has changed."""
    shutil.copytree(reported, tmp_path / "report")
    path = tmp_path / "report" / "cases" / "PH0021.js"
    head, text = path.read_text().split(" = ", 1)
    content = json.loads(text.rstrip(";\n"))
    change(content)
    path.write_text(f"{head} = {json.dumps(content)};\n")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((tmp_path / "report" / "cases" / "PH0021.html").as_uri())
    page.wait_for_selector(READY)
    return context, page
