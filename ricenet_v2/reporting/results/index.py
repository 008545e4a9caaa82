"""The first page of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.reporting.case.page import PICTURES
from ricenet_v2.reporting.charts import Chart
from ricenet_v2.reporting.checklists.answers import answers, counted
from ricenet_v2.reporting.formatting import percent, several
from ricenet_v2.reporting.methods import members, prediction, preparation, selection
from ricenet_v2.reporting.methods.facts import Facts, facts_of
from ricenet_v2.reporting.methods.first_weights import unverified
from ricenet_v2.reporting.methods.prior import of_folder, warnings_of
from ricenet_v2.reporting.methods.sentence import paragraph
from ricenet_v2.reporting.methods.text import by_group, sentences
from ricenet_v2.reporting.methods.training import untrained
from ricenet_v2.reporting.rendering import render
from ricenet_v2.reporting.results import cohort, metric_tables, provenance, spreads
from ricenet_v2.reporting.results.absent import absent
from ricenet_v2.reporting.results.answer import answer
from ricenet_v2.reporting.results.case_table import case_columns, case_rows, filters
from ricenet_v2.reporting.results.curves import confusion_chart, curve_charts, file_names
from ricenet_v2.reporting.results.predicted import Result
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.reporting.results.training import (
    FOLD_COLUMNS,
    fold_rows,
    folds_tile,
    shortfall,
    training_charts,
    training_note,
)

DATA, PARTS = "data", "parts"


def index_page(
    sources: Sources,
    output: Path,
    flags: Mapping[str, tuple[str, ...]],
    command: Sequence[str],
    *,
    has_plan_page: bool,
) -> str:
    """The text of index.html; pictures are written into `output` on the way.

    Args:
        sources: Sources of the page.
        output: Folder of the report.
        flags: Flags of the dataset by case.
        command: The command as typed.
        has_plan_page: Whether plan.html lies beside it.
    """
    pictures = output / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    rows = case_rows(sources, flags)
    facts = facts_of(sources)
    methods = sentences(facts)
    answered = answers(methods)
    plan, _, channels = sources.model.folder.name.partition("__")
    training = [chart.finish(pictures) for chart in training_charts(sources.folds)]
    prefixes = file_names(result.name for result in sources.results)
    results = [
        _result(facts, result, prefix, pictures)
        for result, prefix in zip(sources.results, prefixes, strict=True)
    ]
    return render(
        "report.html",
        root="",
        dataset=sources.dataset,
        classes=sources.dataset.classes,
        plan_name=plan,
        channels=channels,
        glance=_glance(sources),
        answer=answer(facts, sources.results),
        flow=cohort.flow(sources),
        failures=[(case, name, why) for name, case, why in cohort.failures(sources.results)],
        traits=cohort.traits(sources) if sources.cases else [],
        trait_columns=list(cohort.trait_columns(sources)),
        checks=[(check, kind, whom) for kind, check, whom in cohort.notes_of_check(sources)],
        plan=sources.plan,
        has_plan_page=has_plan_page,
        plan_note=preparation.plan_provenance(facts),
        changes=preparation.changes(facts),
        decisions=[(d.what, d.value, d.reason) for d in sources.plan.decisions]
        if sources.plan
        else [],
        folds=fold_rows(sources.folds, sources.planned_epochs, facts.untrained),
        shortfall=shortfall(sources.folds, sources.planned_epochs),
        fold_columns=FOLD_COLUMNS,
        training=training,
        training_note=paragraph(
            training_note(sources.folds), untrained(facts), selection.out_of_fold(facts)
        ),
        results=results,
        calibration=_calibration(facts),
        comparisons=[_comparison(*item) for item in sources.comparisons.items()],
        parts=[_part(sources, n) for n in range(len(sources.parts))],
        case_columns=case_columns(sources),
        cases=rows,
        filters=filters(rows),
        commands=provenance.commands(sources, command),
        versions=sorted(provenance.versions().items()),
        hashes=provenance.hashes(sources),
        absent=[tuple(asdict(part).values()) for part in absent(sources)],
        methods=by_group(methods),
        answers=answered,
        checklists=counted(answered),
        files=_files(output),
    )


def _glance(sources: Sources) -> list[tuple[str, str, str, str]]:
    """Tiles: name, value, what it rests on, and a flag, mostly empty."""
    patients = {case.patient_id for case in sources.cases.values()}
    tiles = []
    if sources.cases:
        note = f"of {several(len(patients), 'patient')}"
        tiles.append(("Cases", f"{len(sources.cases):,}", note, ""))
    facts = facts_of(sources)
    tiles.append(folds_tile(facts))
    for result in sources.results:
        if result.evaluation is None:
            continue
        for metric in metric_tables.headline(result.evaluation)[:2]:
            note = f"{metric_tables.interval(metric)}, n = {metric.n:,}"
            name = f"{metric.name}, {result.title}"
            remark = "optimistic, see there" if selection.optimism(facts, result) else ""
            flag = "; ".join(filter(None, (remark, metric_tables.flag(metric))))
            tiles.append((name, metric_tables.value(metric.value), note, flag))
    return tiles


def _result(facts: Facts, result: Result, prefix: str, pictures: Path) -> dict[str, Any]:
    evaluation = result.evaluation
    metrics = evaluation.metrics if evaluation is not None else ()
    curves = list(curve_charts(prefix, result.curves, metrics)) if result.curves else []
    charts: list[Chart] = [chart.finish(pictures) for chart in curves]
    shown: dict[str, Any] = {"rows": [], "thresholds": [], "groups": [], "confusion": []}
    if evaluation is not None:
        matrix = confusion_chart(prefix, evaluation.classes, evaluation.confusion)
        matrix.finish(pictures)
        shown = _evaluated(evaluation)
    checks = result.sanity.checks if result.sanity else ()
    remarks = selection.optimism(facts, result), unverified(facts, result)
    return {
        **shown,
        "title": _title(result),
        "note": _note(facts, result),
        "small_tables": list(_small_tables(facts, result)),
        "warnings": [remark for remark in remarks if remark],
        "level": percent(evaluation.level) if evaluation else "",
        "charts": charts,
        "sanity": [(check.name, check.outcome, check.found) for check in checks],
    }


def _small_tables(facts: Facts, result: Result) -> Iterator[spreads.SmallTable]:
    """Sample size of each evaluated set; centres and seeds of out-of-fold predictions."""
    if result.is_out_of_fold and facts.centres is not None:
        yield from spreads.centre_tables(facts.centres)
    if result.is_out_of_fold and facts.seeds is not None:
        yield spreads.seed_table(facts.seeds)
    if result.evaluation is not None:
        yield from spreads.sample_size_tables(result.evaluation)


def _evaluated(evaluation: Evaluation) -> dict[str, Any]:
    names = metric_tables.threshold_columns(evaluation.thresholds)
    rows = metric_tables.threshold_rows(evaluation.thresholds, names)
    notes = metric_tables.Notes()
    return {
        "rows": metric_tables.metric_rows(evaluation.metrics, notes),
        "notes": notes.texts,
        "confusion": metric_tables.confusion_rows(evaluation.classes, evaluation.confusion),
        "groups": metric_tables.group_tables(evaluation),
        "thresholds": [(*row[:4], *row[4]) for row in rows],
        "threshold_note": _threshold_note(evaluation),
        "threshold_columns": ("threshold", "class", "probability", "chosen on", *names),
        "threshold_numbers": [2, *range(4, 4 + len(names))],
    }


def _title(result: Result) -> str:
    return "Out-of-fold" if result.is_out_of_fold else f"Predictions in {result.title}"


def _threshold_note(evaluation: Evaluation) -> str:
    """Whether thresholds were chosen on the cases whose metrics stand beside them."""
    is_chosen = any(t.chosen_on.startswith("out-of-fold") for t in evaluation.thresholds)
    if evaluation.source == "out-of-fold" and is_chosen:
        return (
            "Thresholds that were chosen on out-of-fold predictions were chosen on these same "
            "cases, so their metrics are optimistic."
        )
    return "The table lists what each threshold was chosen on."


def _note(facts: Facts, result: Result) -> str:
    if result.is_out_of_fold:
        note = prediction.of_folds(facts)
    else:
        note = paragraph(
            f"{several(len(result.cases), 'case')}.",
            members.ensemble_of(facts, result),
            selection.weights_of(facts, result),
            prediction.mirroring_of(facts, result),
            of_folder(facts, result),
            prediction.calibration_of(facts, result),
            warnings_of(result.predictions) if result.predictions is not None else "",
        )
    if result.evaluation is None:
        incomplete = result.is_out_of_fold and facts.untrained
        once = ", once all folds are trained" if incomplete else ""
        return f"{note} Not evaluated: run ricenet_evaluate{once}."
    if result.evaluation.missing:
        note += f" Not predicted: {', '.join(result.evaluation.missing)}."
    return note


def _calibration(facts: Facts) -> dict[str, Any] | None:
    fitted = facts.calibration
    if fitted is None:
        return None
    ensemble = fitted.ensemble_before, fitted.ensemble_after
    sides = {"Out-of-fold": (fitted.before, fitted.after), "Ensemble on a test set": ensemble}
    tables = [
        (
            f"{title}, before and after",
            [
                (old.name, _with_interval(old.value, old), _with_interval(new.value, new))
                for old, new in zip(before, after, strict=True)
            ],
        )
        for title, (before, after) in sides.items()
        if before
    ]
    return {"note": prediction.describe_calibration(facts, fitted), "tables": tables}


def _with_interval(value: float | None, metric: Any) -> str:
    return f"{metric_tables.value(value)} ({metric_tables.interval(metric)})"


def _comparison(name: str, comparison: Comparison) -> dict[str, Any]:
    """A table for every two runs."""
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for pair in comparison.pairs:
        pairs.setdefault((pair.a, pair.b), []).append(pair)
    return {
        "title": f"Runs compared, {name}",
        "note": f"{several(comparison.n_cases, 'case')} that all runs predicted. A difference is "
        "the first run minus the second.",
        "level": percent(comparison.level),
        "tables": [_compared(f"{a} and {b}", group) for (a, b), group in pairs.items()],
    }


def _compared(title: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    notes = metric_tables.Notes()
    rows = [
        (
            pair.metric,
            notes.mark(pair.warning),
            (
                *map(metric_tables.value, (pair.value_a, pair.value_b, pair.difference)),
                metric_tables.ends(pair.low, pair.high),
                *map(metric_tables.value, (pair.p, pair.p_holm)),
            ),
            pair.test,
        )
        for pair in pairs
    ]
    return {"title": title, "rows": rows, "notes": notes.texts}


def _part(sources: Sources, n: int) -> dict[str, Any]:
    content = sources.parts[n].content
    return {
        "title": content.title,
        "words": content.words,
        "tables": content.tables,
        "pictures": [(f"{PARTS}/{n}/{quote(p.file)}", p.caption) for p in content.pictures],
    }


def _files(output: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Pictures and tables by name, with an address per kind of file."""
    addresses: dict[str, list[tuple[str, str]]] = {}
    for folder in (PICTURES, DATA):
        for path in sorted((output / folder).glob("*.*")):
            name = path.stem.replace("_", " ")
            address = f"{folder}/{quote(path.name)}"
            addresses.setdefault(name, []).append((address, path.suffix[1:].upper()))
    return list(addresses.items())
