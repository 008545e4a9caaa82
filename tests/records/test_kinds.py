"""One table says what each kind of channel means."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from ricenet_v2.records.dataset import CHANNEL_KINDS
from ricenet_v2.records.kinds import KINDS, KindSpecification

PACKAGE = Path(__file__).parents[2] / "ricenet_v2"
DOCUMENTATION = PACKAGE.parent / "documentation"
NO_KINDS = {
    "ablation/published.py": {"channel.kind == 'mri'"},  # the channels of one publication
    "evaluation/tabular/features.py": {"'dose' in features"},
    "explanation/attribution_baseline.py": {"KINDS[kind].filling == 'dose'"},
    "explanation/occlusion/baselines.py": {"table of dose"},
    "ingest/cohorts/brain_tr_gammaknife.py": {"row.verdict == 'dose'"},
    "ingest/manifest.py": {"table of dose"},  # columns
    "ingest/proposals.py": {"table of dose", "row.verdict == 'dose'"},
    "phantom/dicom.py": {"table of ct"},  # series of one patient
    "phantom/scanner.py": {"scanner != 'ct'"},
    "reporting/results/predicted.py": {"joined == 'other'"},
}
"""Words that happen to be names of kinds, by the file and the expression."""


def compared(code):
    """Comparisons with names of kinds, and tables that have them, as text."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            names = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            text = ast.unparse(node)
        elif isinstance(node, ast.Dict):
            names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            text = f"table of {', '.join(sorted(names & set(CHANNEL_KINDS)))}"
        else:
            continue
        if names & set(CHANNEL_KINDS):
            yield text


def test_every_kind_has_its_line():
    assert tuple(KINDS) == CHANNEL_KINDS


def test_nothing_else_compares_names_of_kinds():
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).as_posix()
        if name != "records/kinds.py":
            assert set(compared(file.read_text("utf-8"))) <= NO_KINDS.get(name, set()), name


@pytest.mark.parametrize(
    "code",
    [
        'if channel.kind == "dose": pass',
        'tuple(k for k in kinds if k != "dose")',
        'if kinds[0] in ("ct", "mri"): pass',
        'alone = kinds <= {"dose", "mask"}',
        'outside = {"ct": -1000.0}.get(kind, 0)',
    ],
)
def test_a_comparison_is_seen_however_it_is_written(code):
    assert list(compared(code))


def test_lists_of_kinds_have_all_of_them():
    help_text = (PACKAGE / "cli" / "convert.py").read_text("utf-8")
    assert f"kinds ({', '.join(CHANNEL_KINDS)})" in help_text
    page = (DOCUMENTATION / "dataset_format.md").read_text("utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| `channels` |"))
    assert set(re.findall("`(.*?)`", row)) >= set(CHANNEL_KINDS)


def test_each_field_of_a_kind_is_explained():
    text = (DOCUMENTATION / "extending.md").read_text("utf-8")
    (table,) = (part for part in text.split("\n\n") if part.startswith("| field of a kind"))
    explained = {word for row in table.splitlines() for word in re.findall("`(.*?)`", row[:60])}
    assert explained >= {field.name for field in dataclasses.fields(KindSpecification)}


def test_what_has_a_unit_is_absolute():
    assert all(kind.is_absolute for kind in KINDS.values() if kind.unit)


def test_what_is_below_0_is_not_divided():
    assert not [name for name, kind in KINDS.items() if kind.is_signed and kind.scheme == "divide"]


def test_a_word_means_one_kind():
    words = [word for kind in KINDS.values() for word in kind.words]
    assert len(words) == len(set(words))
    assert words == [word.lower() for word in words]


@pytest.mark.parametrize(
    ("page", "head"), [("dataset_format", "resampled"), ("planning", "levels")]
)
@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_each_kind_stands_in_the_tables_of_the_pages(page, head, kind):
    text = (DOCUMENTATION / f"{page}.md").read_text("utf-8")
    (table,) = (part for part in text.split("\n\n") if part.startswith(f"| kind | {head}"))
    first = [row.split("|")[1] for row in table.splitlines()]
    assert kind in {word.strip(" `") for cell in first for word in cell.split(",")}


def test_dose_and_mask_are_never_taken_for_anatomy():
    for kind in KINDS.values():
        assert not kind.is_anatomy or not (kind.is_dose or kind.is_mask)
