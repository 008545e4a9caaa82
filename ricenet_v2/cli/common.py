"""Shared parts of all commands: exit codes, logging, the workspace option, tables."""

from __future__ import annotations

import argparse
import atexit
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ricenet_v2.cli import ending, numbers, streams
from ricenet_v2.cli.completion import complete
from ricenet_v2.cli.ending import OK, SOME_FAILED, UNUSABLE
from ricenet_v2.core.command import invoked, portable
from ricenet_v2.core.operating_system import check_system
from ricenet_v2.core.progress import on_terminal
from ricenet_v2.version import __version__

_CASE_SECONDS = 1800.0
"""Reading and preparing a large case takes a minute or two."""
__all__ = ["OK", "SOME_FAILED", "UNUSABLE"]
RESEARCH_ONLY = "Research use only. Not a medical device."


def parser(description: str) -> argparse.ArgumentParser:
    """A parser whose help ends with the intended use."""
    streams.spell_everything()
    parser = argparse.ArgumentParser(
        prog=portable(sys.argv[:1] or ["ricenet"])[0],
        description=description,
        epilog=RESEARCH_ONLY,
        formatter_class=_Help,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"ricenet_v2 {__version__}",
        help="show the version of the program and exit",
    )
    return parser


def parsed(target: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> dict[str, Any]:
    """The options of a line, or what a shell asks for that completes it.

    Args:
        target: Parser of the command.
        argv: Its arguments; those of this process where None.
    """
    complete(target)
    return vars(target.parse_args(argv))


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one; flags, and options that may be left out, have none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if default is None or default is False or default in ("", [], ()):
            return action.help
        if isinstance(default, list | tuple | float):
            return f"{action.help} (default: {_as_typed(default)})"
        return super()._get_help_string(action)


def _as_typed(value: object) -> str:
    """A default as a user would type it, for a format string."""
    if isinstance(value, list | tuple):
        return " ".join(map(_as_typed, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("%", "%%")


def add_former_option(
    target: argparse.ArgumentParser, former: str, new: str, **options: Any
) -> None:
    """Add the former name of an option: it works, is not listed, and names the new one on stderr.

    Args:
        target: Parser of the command.
        former: Former name, e.g. `--parts`.
        new: New name, which the parser has already.
        options: Type and `nargs` of the new one; `nargs` is 0 for a flag.
    """
    target.add_argument(
        former,
        dest=new.lstrip("-"),
        action=_FormerOption,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
        **options,
    )


class _FormerOption(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, True if self.nargs == 0 else values)
        print(
            f"{option_string} is called --{self.dest} since version 0.2.0; the former name will be "
            "removed in 0.4.0 at the earliest.",
            file=sys.stderr,
        )


def add_workspace(target: argparse.ArgumentParser) -> None:
    """Add --workspace."""
    target.add_argument(
        "--workspace",
        type=Path,
        metavar="DIR",
        help="folder that holds raw/, preprocessed/ and results/ (if left out: the environment "
        "variables ricenet_raw, ricenet_preprocessed and ricenet_results, or "
        "ricenet_workspace)",
    )


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add --plan."""
    parser.add_argument("-p", "--plan", default="auto", help="name of the plan")


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that name a model of a dataset."""
    add_plan(parser)
    parser.add_argument(
        "-c",
        "--channels",
        default="all",
        help="label of the model's channels, e.g. all or T1c_event+dose",
    )


def add_new_cases(parser: argparse.ArgumentParser, masks: str, others: str = "") -> None:
    """The options that name images, where results go, and the networks.

    Args:
        parser: Parser to which they are added.
        masks: Kinds of masks that are read.
        others: Other content that the folder of the images may have, in words.
    """
    parser.add_argument(
        "-i",
        dest="source",
        type=Path,
        required=True,
        metavar="IN",
        help=f"folder with the images, CASE_0000, CASE_0001, ...{others}",
    )
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, metavar="OUT", help="output folder"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("-d", dest="dataset", help="dataset whose model predicts")
    which.add_argument(
        "-m", dest="model", type=Path, help="folder of the model, for use without the dataset"
    )
    add_model(parser)
    parser.add_argument(
        "-f",
        dest="folds",
        type=numbers.fold_or_full,
        nargs="+",
        help="folds whose networks are used (if left out: all); full: the network of all training "
        "cases (ricenet_train DATASET full)",
    )
    parser.add_argument(
        "--checkpoint",
        choices=("final", "best", "latest"),
        default="final",
        help="weights that predict: after the last epoch (final), of the best validation epoch "
        "(best), or of the last finished epoch (latest)",
    )
    parser.add_argument(
        "--masks", type=Path, help=f"folder of {masks} files (if left out: that beside imagesTs)"
    )
    parser.add_argument(
        "--continue",
        dest="resume",
        action="store_true",
        help="keep finished cases and continue with the others",
    )


def add_case_timeout(parser: argparse.ArgumentParser) -> None:
    """Add --case_timeout."""
    parser.add_argument(
        "--case_timeout",
        type=numbers.seconds,
        default=_CASE_SECONDS,
        metavar="SECONDS",
        help="time limit for reading and preparing one case; a case that takes longer fails, and"
        " the others go on",
    )


def named_model(
    model: Path | None,
    dataset: str | None,
    plan: str,
    channels: str,
    workspace: Path | None,
    folds: Sequence[int | str] | None = None,
) -> tuple[Path, list[int] | None]:
    """The folder that was named with -m, or that of the model of a dataset, and its folds.

    Args:
        model: Folder of the model.
        dataset: Dataset to which the model belongs.
        plan: Name of the plan.
        channels: Label of the channels.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        folds: Folds as they were named; `full` means the folder of the network of all training
            cases.

    Raises:
        DatasetError: Neither is named.
        OptionError: `full` is named beside folds.
    """
    from ricenet_v2.api.locations import model_folder
    from ricenet_v2.core.errors import DatasetError, OptionError
    from ricenet_v2.store.paths import FULL, ModelPaths

    numbers_of_folds = [fold for fold in folds or () if isinstance(fold, int)]
    if FULL in (folds or ()) and numbers_of_folds:
        raise OptionError(
            "Folds and the network of all training cases cannot be combined.",
            expected=f"-f {FULL}, or numbers of folds",
            got=" ".join(map(str, folds or ())),
        )
    if model is None:
        if dataset is None:
            raise DatasetError("Neither a dataset (-d) nor a model folder (-m) is named.")
        model = model_folder(dataset, plan=plan, channels=channels, workspace=workspace)
    if FULL in (folds or ()):
        return ModelPaths(model).full.folder, None
    return model, numbers_of_folds or None


def add_resampling(parser: argparse.ArgumentParser) -> None:
    """The options of intervals."""
    parser.add_argument(
        "--n_bootstrap",
        type=numbers.draws,
        default=2000,
        help="random draws for consistency bands, or permutations of a test",
    )
    parser.add_argument(
        "--seed", type=numbers.seed, default=0, help="random seed of the resampling"
    )


def settings(pairs: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    """The pairs of --set."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        parser.error(f"--set takes KEY=VALUE, got {' '.join(wrong)}")
    return dict(pair.split("=", 1) for pair in pairs)


class _BesideBars(logging.Handler):
    """Writes lines to stderr without tearing a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def run(
    command: Callable[[], int], program: str = "python", argv: Sequence[str] | None = None
) -> int:
    """Run a command: an error becomes a text and an exit code.

    That is 2; or 1 where the user requested a stop, or where only the processes of some cases were
    killed, or some took too long, and all others are done.

    Args:
        command: Command that runs.
        program: Its name.
        argv: Its arguments, which are written into files; those of this process where None.

    Returns:
        The exit code.
    """
    from ricenet_v2.core.abandoned_threads import end_now, has_left_behind

    with invoked((program, *(sys.argv[1:] if argv is None else argv))):
        code = _code_of(command)
    if has_left_behind():
        atexit.register(end_now, code)
    return code


def _code_of(command: Callable[[], int]) -> int:
    streams.spell_everything()
    handler = _BesideBars()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("ricenet_v2")
    if not logger.handlers:
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Else libraries that log give the root logger a handler, and each line comes twice.
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
    with streams.that_may_close():
        try:
            check_system()
            with ending.by_signals(), on_terminal():
                return command()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no command ends in a traceback without a word
            print(ending.text_of(error), file=sys.stderr)
            return ending.code_of(error)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    has_numbers: bool = False,
    has_lines: bool = False,
) -> None:
    """Print a table; long cells wrap.

    Args:
        title: Above the table.
        columns: Heads of the columns.
        rows: Cells of each row, as many as there are columns.
        has_numbers: All columns but the first stand flush right.
        has_lines: A line between rows, for cells of several lines.
    """
    from rich.console import Console
    from rich.table import Table

    printed = Table(title=title, title_justify="left", show_lines=has_lines)
    for index, column in enumerate(columns):
        # What is cut off cannot be found: long words go on in the next line.
        printed.add_column(
            column, justify="right" if has_numbers and index else "left", overflow="fold"
        )
    for row in rows:
        printed.add_row(*(str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False, markup=False).print(printed)
