"""What ricenet_evaluate prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.figures import Evaluation, Figure, FigureSet
    from ricenet_v2.records.sanity import Sanity

_BCA = "BCa bootstrap"
_OF_A_PART = ("accuracy", "macro F1", "AUROC", "Brier score")
_SUMMARY = ("accuracy", "macro F1", "AUROC", "AUROC within folds", "balanced accuracy")


def number(value: float | None) -> str:
    """Three digits after the point, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def interval(figure: Figure) -> str:
    """Both ends, or a dash."""
    if figure.low is None or figure.high is None:
        return "-"
    return f"{number(figure.low)} to {number(figure.high)}"


def _figures(made: Evaluation, figures: Sequence[Figure]) -> None:
    """Print figures, one a row; what the resampled ones share stands below them once."""
    whole = f"BCa bootstrap by patient, {made.n_bootstrap} samples, seed {made.seed}"
    title = f"{made.title} ({made.n_cases} cases of {made.n_patients} patients)"
    few = sorted({part for f in figures for part in f.warning.split("; ") if "few " in part})
    common.table(
        title,
        ("figure", "value", f"{made.level:.0%} interval", "n", "method"),
        [
            (
                figure.name,
                number(figure.value),
                interval(figure),
                figure.n,
                _method(figure, whole),
            )
            for figure in figures
        ],
    )
    print(f"{_BCA}: {'; '.join([whole.removeprefix(f'{_BCA} '), *few])}.")


def _first(made: Evaluation) -> list[Figure]:
    """The figures of the summary, in its order."""
    by_name = {figure.name: figure for figure in made.figures}
    return [by_name[name] for name in _SUMMARY if name in by_name]


def _method(figure: Figure, whole: str) -> str:
    warnings = [text for text in figure.warning.split("; ") if "few " not in text]
    return "; ".join(filter(None, (figure.method.replace(whole, _BCA), *warnings)))


def show(made: Evaluation, *, all_figures: bool = False) -> None:
    """Print an evaluation.

    Args:
        made: The evaluation.
        all_figures: Every figure, thresholds and parts of the cases too, not only the first ones.
    """
    _figures(made, made.figures if all_figures else _first(made))
    if made.selection:
        print(made.selection)
    common.table(
        "Confusion matrix",
        ("true class", *(f"predicted {name}" for name in made.classes)),
        [(name, *row) for name, row in zip(made.classes, made.confusion, strict=True)],
    )
    if all_figures:
        _thresholds(made)
        _groups(made.groups)
    else:
        print(_more(made))
    if made.missing:
        print(f"{len(made.missing)} cases were not predicted: {', '.join(made.missing)}")
    if made.unlabelled:
        told = ", ".join(made.unlabelled)
        print(f"{len(made.unlabelled)} cases have no known label and are in no figure: {told}")
    print(made.note)


def _more(made: Evaluation) -> str:
    """What is not printed, and where it is."""
    counted = {
        f"{len(made.figures)} figures": True,
        f"{len(made.thresholds)} thresholds": made.thresholds,
        f"{len(made.groups)} parts of the cases": made.groups,
    }
    told = ", ".join(words for words, is_there in counted.items() if is_there)
    return f"--all_figures prints all of them ({told}); figures.json and figures.csv hold them."


def _thresholds(made: Evaluation) -> None:
    if not made.thresholds:
        return
    common.table(
        "Thresholds"
        + (" (chosen on these cases: figures flatter)" if made.source == "out-of-fold" else ""),
        ("class", "threshold", "from", "sensitivity", "specificity", "chosen on"),
        [
            (
                each.class_name,
                each.name,
                number(each.value),
                *(f"{number(f.value)} ({interval(f)})" for f in each.figures[:2]),
                *(["-", "-"] if not each.figures else []),
                each.chosen_on,
            )
            for each in made.thresholds
        ],
    )


def _groups(groups: Sequence[FigureSet]) -> None:
    if not groups:
        return
    common.table(
        "Parts of the cases, and members",
        ("cases", "n", "patients", *_OF_A_PART),
        [
            (
                group.name + (" (!)" if group.warning else ""),
                group.n_cases,
                group.n_patients,
                *(
                    f"{number(figure.value)} ({interval(figure)})"
                    for name in _OF_A_PART
                    for figure in group.figures
                    if figure.name == name
                ),
            )
            for group in groups
        ],
    )
    if any(group.warning for group in groups):
        print("(!) fewer than 10 cases: these figures say next to nothing.")


def show_sanity(made: Sanity, earlier: str = "") -> None:
    """Print the checks, and what was kept of an earlier evaluation."""
    if made.checks:
        common.table(
            "Too good to be true?",
            ("check", "outcome", "found"),
            [(check.name, check.outcome, check.found) for check in made.checks],
        )
    if earlier:
        print(f"{earlier}.")
