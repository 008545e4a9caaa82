"""Templates hold headings and no claims: what was done comes from the files."""

import re
from importlib.resources import files

import pytest

CLAIMS = (
    "epoch", "network", "weights", "mirror", "validation", "chosen", "trained", "ensemble",
    "calibrated", "temperature-scaled", "bootstrap", "bca", "stratified", "balanced", "seen",
)  # fmt: skip


def _static(name):
    text = files("ricenet_v2.reporting").joinpath("templates", name).read_text(encoding="utf-8")
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"<caption.*?</caption>|<th .*?</th>|<h[1-4].*?</h[1-4]>|<a .*?</a>", " ", text)
    return re.sub(r"<[^>]+>", " ", text).lower()


@pytest.mark.parametrize("name", ["report.html", "case.html", "base.html", "macros.html"])
def test_a_template_claims_nothing_of_methods(name):
    said = _static(name)
    assert [word for word in CLAIMS if re.search(rf"\b{word}", said)] == []


def test_the_words_would_be_found():
    assert "epoch" in "weights after the last epoch"
    assert "row" in _static("report.html")
