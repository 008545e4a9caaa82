"""Writes api.md and plugins.md in documentation/ from the public names and their docstrings.

Examples of functions are doctests, which the tests run in the order of the page. Those of plugins
are in documentation/extending.md.

Usage: python -m benchmarks.api_page [--check]
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docstring_parser import Docstring, DocstringStyle, parse
from pydantic.fields import FieldInfo

import ricenet_v2 as rn
from benchmarks.api_types import described, field_types
from ricenet_v2 import plugins

DOCUMENTATION = Path(__file__).resolve().parents[1] / "documentation"
PAGE, PLUGINS_PAGE = DOCUMENTATION / "api.md", DOCUMENTATION / "plugins.md"
CHAPTERS: dict[str, tuple[str, ...]] = {
    "From DICOM": ("scan_studies", "cohort_manifest", "convert_cases"),
    "A dataset": ("write_cohort", "convert_table", "split_lesions", "verify", "plan", "preprocess"),
    "Training": ("train", "train_folds", "benchmark"),
    "Prediction": ("model_folder", "load_model", "predict", "read_image"),
    "Evaluation": (
        *("evaluate", "calibrate", "fuse", "baseline", "ablate", "compare", "evaluate_seeds"),
    ),
    "Explanation and report": ("explain", "view_case", "report"),
    "Progress": ("progress_bars",),
}
"""Functions in the order of a project; their examples follow from each other."""
METHODS = {"CaseView": ("write_png",), "Ensemble": ("predict_case",)}
"""Methods of records that a user calls."""
TYPES = """
## Types

What stands in the signatures and tables above and is no name of `rn`.

| type | what it is |
|---|---|
"""
HEAD = """# The Python interface

`import ricenet_v2 as rn` gives every command as a function. Settings are passed as option records,
results are returned as records, and both are immutable. Functions print nothing and never end the
process; what cannot be done raises one of [these exceptions](extending.md#errors), all subclasses
of `rn.RicenetError`; a call with an argument too few or of another name is a `TypeError`, as
everywhere. Warnings are logged to the logger `ricenet_v2`, which Python shows on stderr unless
logging is set up. Random generators and the number of threads of the caller stay as they are, and
nothing of the caller's command line is written into files. [From Python](python.md) shows a whole
project, [a notebook](tutorial.ipynb) shows it with pictures.

- **Datasets** (`DatasetInput`) are named as on the command line: by number, name or folder. A
  workspace holds `raw/DatasetNNN_NAME`, `preprocessed/` and `results/`. Paths (`PathInput`) are
  text or `pathlib.Path`.
- **Arrays** have the axes (z, y, x), with channels in front; lengths are in mm, doses in Gy.
  `Shape` and `Triple` are three numbers along (z, y, x).
- **Plans** have the name of their preset: what `rn.plan(1, rn.PlanOptions(preset="small"))` makes
  is `plan="small"` in all other functions, and `auto` is meant where none is named.
- **Messages** name commands and their options, and say in the last line, after `from Python`, what
  these are here, e.g. `--continue: rn.TrainOptions(resume=True)`.
- **Nothing is overwritten by default**: `predict` and `explain` refuse a folder with results, and
  `train` an existing fold, unless `resume` is set.
- **Processes**: `num_workers`, `num_parallel`, `case_timeout` and `ablate` start processes, which
  import the script that calls them: it keeps its own work below `if __name__ == "__main__":`.
- **Variables of the environment** are set by libraries when they are first imported, and stay:
  `KMP_DUPLICATE_LIB_OK` and `KMP_INIT_AT_FORK` by threadpoolctl and scikit-learn for OpenMP,
  `TORCHINDUCTOR_CACHE_DIR` by torch, `ME_DSL_JIT_LIBTCC_PATH` by Blosc2, `GDCM_RESOURCES_PATH` by
  GDCM. They name folders of these libraries and how OpenMP bears a second copy of itself.
- **Observers** are functions that are called with each step, or with a result before it is written.

This page is made from the docstrings (`python -m benchmarks.api_page`). The tests run every example
on it from top to bottom, in an empty folder `space`. It and [that of plugins](plugins.md) hold all
names that [are public](releases.md#what-a-version-number-promises).
"""
PLUGINS_HEAD = """# The Python interface of plugins

What a [package that brings something](extending.md#what-other-packages-bring) is written with:
`from ricenet_v2.plugins import Preset`. Names are imported when they are used, and torch comes with
`norm_of` and `nonlinearity_of` only. [Extending](extending.md#a-network) has an example of each
sort.

This page is made from the docstrings (`python -m benchmarks.api_page`). It and [that of
functions](api.md) hold all names that [are public](releases.md#what-a-version-number-promises), and
`rn.DatasetError` and the other errors of that page are what a plugin raises.
"""
PLUGINS_CHAPTERS = {
    "Specifications": (
        *("ArchitectureSpecification", "Preset", "AugmentationSpecification"),
        *("NormalisationSpecification", "MetricSpecification", "ReaderSpecification"),
    ),
    "Layers of a network": ("norm_of", "nonlinearity_of"),
    "Rules of a preset": (
        *("PRESETS", "searched", "Rules", "Candidate", "Overrides", "region_extent"),
        *("target_spacing", "region_size", "with_margin", "rounded_up", "topology", "Topology"),
        *("auto_training", "Decision"),
    ),
    "Parts of a plan": (
        *("Plan", "ChannelPlan", "Normalisation", "NetworkPlan", "TrainingPlan"),
        *("AugmentationPlan", "FurtherChange"),
    ),
    "What was measured": (
        *("Fingerprint", "ChannelFingerprint", "CaseMeasurement", "ChannelMeasurement"),
        "Distribution",
    ),
    "Images": ("Grid",),
}
PRESETS_WORDS = (
    "All presets by name, of this program and of packages: "
    '`dataclasses.replace(PRESETS["small"], ...)` is one with changes.'
)


def functions() -> list[str]:
    """Public functions in the order of the page."""
    return [name for names in CHAPTERS.values() for name in names]


def records() -> list[str]:
    """Other public names: options, records and exceptions."""
    known = {*functions(), "__version__"}
    return [name for name in rn.__all__ if name not in known]


def example_of(function: Callable[..., Any]) -> str:
    """The doctest in the docstring of a function; empty where there is none."""
    _, _, example = (inspect.getdoc(function) or "").partition("Example:\n")
    return inspect.cleandoc(example)


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for title, names in CHAPTERS.items():
        parts.append(f"\n## {title}\n")
        parts += [_function(f"rn.{name}", getattr(rn, name)) for name in names]
    parts.append("\n## Options and records\n")
    parts += [_record(f"rn.{name}", getattr(rn, name)) for name in records()]
    things = [getattr(rn, name) for name in (*functions(), *records())]
    things += [
        getattr(getattr(rn, kind), each) for kind, names in METHODS.items() for each in names
    ]
    parts.append(TYPES + "".join(f"| `{n}` | {_cell(t)} |\n" for n, t in described(things).items()))
    return "".join(parts)


def plugins_page() -> str:
    """The text of the page for plugins."""
    parts = [PLUGINS_HEAD]
    for title, names in PLUGINS_CHAPTERS.items():
        parts.append(f"\n## {title}\n")
        parts += [_for_plugins(name) for name in names]
    return "".join(parts)


def _for_plugins(name: str) -> str:
    thing = getattr(plugins, name)
    if name == "PRESETS":
        return f"\n### {name}\n\n{PRESETS_WORDS}\n"
    return _record(name, thing) if isinstance(thing, type) else _function(name, thing)


def _function(name: str, function: Callable[..., Any]) -> str:
    text = _parsed(function)
    lines = [f"\n### {name}\n\n```text\n{_signature(name, function)}\n```\n\n{_words(text)}\n"]
    if text.params:
        lines.append("\n| argument | what it is |\n|---|---|\n")
        lines += [f"| `{each.arg_name}` | {_line(each.description)} |\n" for each in text.params]
    if text.returns is not None:
        lines.append(f"\n**Returns** {_line(text.returns.description)}\n")
    if text.raises:
        lines.append("\n| exception | when |\n|---|---|\n")
        lines += [f"| `{each.type_name}` | {_line(each.description)} |\n" for each in text.raises]
    example = example_of(function)
    return "".join(lines) + (f"\n```pycon\n{example}\n```\n" if example else "")


def _record(name: str, kind: type) -> str:
    text = _parsed(kind)
    lines = [f"\n### {name}\n\n{_words(text)}\n"]
    defaults, types = dict(_defaults(kind)), field_types(kind)
    if attributes := [each for each in text.params if each.args[0] == "attribute"]:
        lines.append("\n| attribute | type | default | what it is |\n|---|---|---|---|\n")
        for each in attributes:
            default = f"`{defaults[each.arg_name]}`" if each.arg_name in defaults else ""
            kind_of = f"`{_cell(types[each.arg_name])}`" if each.arg_name in types else ""
            words = _line(each.description)
            lines.append(f"| `{each.arg_name}` | {kind_of} | {default} | {words} |\n")
    methods = METHODS.get(kind.__name__, ())
    lines += [_function(f"{name}.{each}", getattr(kind, each)) for each in methods]
    return "".join(lines)


def _defaults(kind: type) -> Iterator[tuple[str, str]]:
    """Each field that has a default, and that as text; not those that are made by a function."""
    for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        default: Any = field.default
        text = default.__name__ if inspect.isfunction(default) else repr(default)
        is_made = isinstance(default, FieldInfo) or text == "<lambda>"
        if default is not dataclasses.MISSING and not is_made:
            yield field.name, text.replace("|", "\\|")


def _parsed(thing: Callable[..., Any]) -> Docstring:
    text, _, _ = (inspect.getdoc(thing) or "").partition("Example:\n")
    return parse(text, DocstringStyle.GOOGLE)


def _signature(name: str, function: Callable[..., Any]) -> str:
    """One line, or a line for each argument where that is too long."""
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    words = [_parameter(each) for each in parameters]
    kinds = [each.kind for each in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        words.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = str(signature.return_annotation).replace("'", "")
    line = f"{name}({', '.join(words)}) -> {returned}"
    if len(line) <= 100:
        return line
    inner = "".join(f"    {word},\n" for word in words)
    return f"{name}(\n{inner}) -> {returned}"


def _parameter(parameter: inspect.Parameter) -> str:
    word = f"{parameter.name}: {parameter.annotation}"
    has_default = parameter.default is not inspect.Parameter.empty
    return f"{word} = {parameter.default!r}" if has_default else word


def _words(text: Docstring) -> str:
    parts = (text.short_description, text.long_description)
    return "\n\n".join(" ".join(part.split()) for part in parts if part)


def _line(text: str | None) -> str:
    return _cell(" ".join((text or "").split()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def stale() -> list[Path]:
    """Pages that are not those of the docstrings."""
    return [
        file
        for file, text in pages().items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]


def pages() -> dict[Path, str]:
    """The text of each page, by its file."""
    return {PAGE: page(), PLUGINS_PAGE: plugins_page()}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or only check whether they are as the docstrings are."""
    parser = argparse.ArgumentParser(description="Write api.md and plugins.md from docstrings.")
    parser.add_argument("--check", action="store_true", help="only check whether they are stale")
    if parser.parse_args(argv).check:
        for file in stale():
            print(f"{file} is stale: run python -m benchmarks.api_page")
        return int(bool(stale()))
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
        print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
