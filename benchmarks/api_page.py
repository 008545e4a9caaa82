"""Writes documentation/api.md from the public names of the package and their docstrings.

Examples of functions are doctests, which the tests run in the order of the page.

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

import ricenet_v2 as rn

PAGE = Path(__file__).resolve().parents[1] / "documentation" / "api.md"
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
HEAD = """# The Python interface

`import ricenet_v2 as rn` gives every command as a function. Settings are passed as option records,
results are returned as records, and both are immutable. Functions print nothing and never end the
process; what cannot be done raises one of [these exceptions](extending.md#errors), all subclasses
of `rn.RicenetError`. Warnings are logged to the logger `ricenet_v2`, which Python shows on stderr
unless logging is set up. Random generators and the number of threads of the caller stay as they
are, and nothing of the caller's command line is written into files. [From Python](python.md) shows
a whole project, [a notebook](tutorial.ipynb) shows it with pictures.

- **Datasets** (`DatasetInput`) are named as on the command line: by number, name or folder. A
  workspace holds `raw/DatasetNNN_NAME`, `preprocessed/` and `results/`. Paths (`PathInput`) are
  text or `pathlib.Path`.
- **Arrays** have the axes (z, y, x), with channels in front; lengths are in mm, doses in Gy.
  `Shape` and `Triple` are three numbers along (z, y, x).
- **Messages** name options as the commands do: `--overwrite` is `overwrite=True` here, `--continue`
  is `resume=True`, `-o` is `output`.
- **Nothing is overwritten by default**: `predict` and `explain` refuse a folder with results, and
  `train` an existing fold, unless `resume` is set.
- **Processes**: `num_workers`, `num_parallel`, `case_timeout` and `ablate` start processes, which
  import the script that calls them: it keeps its own work below `if __name__ == "__main__":`.
- **Observers** are functions that are called with each step, or with a result before it is written.

This page is made from the docstrings (`python -m benchmarks.api_page`). The tests run every example
on it from top to bottom, in an empty folder `space`. Anything that is neither on this page nor a
field of a record on it may change without notice.
"""


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
        parts += [_function(name) for name in names]
    parts.append("\n## Options and records\n")
    parts += [_record(name) for name in records()]
    return "".join(parts)


def _function(name: str) -> str:
    function = getattr(rn, name)
    text = _parsed(function)
    lines = [f"\n### rn.{name}\n\n```text\n{_signature(name, function)}\n```\n\n{_words(text)}\n"]
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


def _record(name: str) -> str:
    kind = getattr(rn, name)
    text = _parsed(kind)
    lines = [f"\n### rn.{name}\n\n{_words(text)}\n"]
    defaults = dict(_defaults(kind))
    if attributes := [each for each in text.params if each.args[0] == "attribute"]:
        lines.append("\n| attribute | default | what it is |\n|---|---|---|\n")
        for each in attributes:
            default = f"`{defaults[each.arg_name]}`" if each.arg_name in defaults else ""
            lines.append(f"| `{each.arg_name}` | {default} | {_line(each.description)} |\n")
    return "".join(lines)


def _defaults(kind: type) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        if field.default is not dataclasses.MISSING:
            yield field.name, repr(field.default).replace("|", "\\|")


def _parsed(thing: Callable[..., Any]) -> Docstring:
    text, _, _ = (inspect.getdoc(thing) or "").partition("Example:\n")
    return parse(text, DocstringStyle.GOOGLE)


def _signature(name: str, function: Callable[..., Any]) -> str:
    """One line, or a line for each argument where that is too long."""
    signature = inspect.signature(function)
    words = [_parameter(each) for each in signature.parameters.values()]
    kinds = [each.kind for each in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        words.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = str(signature.return_annotation).replace("'", "")
    line = f"rn.{name}({', '.join(words)}) -> {returned}"
    if len(line) <= 100:
        return line
    inner = "".join(f"    {word},\n" for word in words)
    return f"rn.{name}(\n{inner}) -> {returned}"


def _parameter(parameter: inspect.Parameter) -> str:
    word = f"{parameter.name}: {parameter.annotation}"
    has_default = parameter.default is not inspect.Parameter.empty
    return f"{word} = {parameter.default!r}" if has_default else word


def _words(text: Docstring) -> str:
    parts = (text.short_description, text.long_description)
    return "\n\n".join(" ".join(part.split()) for part in parts if part)


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def stale() -> bool:
    """Whether the page is not that of the docstrings."""
    return not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or only look whether it is as the docstrings are."""
    parser = argparse.ArgumentParser(description="Write documentation/api.md from docstrings.")
    parser.add_argument("--check", action="store_true", help="only check whether it is stale")
    if parser.parse_args(argv).check:
        if stale():
            print(f"{PAGE} is stale: run python -m benchmarks.api_page")
        return int(stale())
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
