"""Sentences about the length, the settings and the hardware of training."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.reporting.formatting import number, percent, several
from ricenet_v2.reporting.methods.facts import Facts, FoldFacts
from ricenet_v2.reporting.methods.sentence import SentenceTopic, capitalised, numbered, paragraph

GROUP = "Training"
DESCRIBED = frozenset({
    "batch_size", "accumulation_steps", "epochs", "iterations_per_epoch", "optimiser",
    "learning_rate", "warmup_epochs", "weight_decay", "label_smoothing", "gradient_clip",
    "ema_decay", "mixed_precision", "augmentation", "balance", "mixup", "early_stop_epochs",
})  # fmt: skip
SILENT = {
    "compile": "how the same layers are run: the results differ by rounding only",
    "channels_last": "how voxels lie in memory: the results differ by rounding only",
    "activation_checkpointing": "maps are made twice: the results are the same",
    "fused_optimiser": "how the same update is run: the results differ by rounding only",
    "cudnn_benchmark": "how the same layers are run: the results differ by rounding only",
    "num_workers": "read in older plans and not used",
}
"""Fields of TrainingPlan that no sentence is about, and why."""
_WARMUP_SHARE = 5  # a warm-up takes at most one over this of the epochs (training/schedule.py)
_TF32 = ", factors of convolutions rounded to TF32"
_Hardware = tuple[str, str, str, bool | None, int | None]
Key = TypeVar("Key", bound=Hashable)


def epochs(facts: Facts) -> str:
    """Epochs that were done, of those that were set, fold by fold where they differ."""
    if not facts.is_network or not facts.folds:
        return ""
    done = (_done(*group) for group in _groups(facts, _state).items())
    if facts.is_full:
        whole = (
            f"Fold 0 is a network of all {several(len(facts.of_split('train')), 'training case')}."
        )
        return paragraph(whole, *done, _set_anew(facts))
    return paragraph(*done, _set_anew(facts), untrained(facts))


def untrained(facts: Facts) -> str:
    """Folds that the model lacks."""
    if not facts.untrained:
        return ""
    is_ = "is" if len(facts.untrained) == 1 else "are"
    return f"{capitalised(numbered(facts.untrained))} of {facts.n_folds:,} {is_} not trained."


def _state(fold: FoldFacts) -> tuple[str, int | None, int]:
    return fold.run.status, fold.done, fold.run.epochs


def _done(state: tuple[str, int | None, int], folds: list[int]) -> str:
    status, done, planned = state
    who, were = capitalised(numbered(folds)), "was" if len(folds) == 1 else "were"
    planned_epochs = several(planned, "epoch")
    if done is None:
        return (
            f"{who} {were} to have {planned_epochs}; how many were done is not recorded ({status})."
        )
    if status != "finished":
        is_open = "is" if len(folds) == 1 else "are"
        return f"{who} {is_open} not finished ({status}): {done:,} of {planned_epochs}."
    if done < planned:
        return f"{who} ended early, after {done:,} of {several(planned, 'epoch')}."
    number = f"all {done:,} epochs that were set" if done > 1 else "the one epoch that was set"
    return f"{who} {were} trained for {number}."


def _set_anew(facts: Facts) -> str:
    """A number of epochs that was changed when the training was under way."""
    changes = []
    for fold in facts.folds:
        segments = fold.run.epochs_set or ()
        if len(segments) > 1:
            parts = ", then ".join(f"{n:,} from epoch {first + 1:,} on" for first, n in segments)
            changes.append(f"fold {fold.number}: {parts}")
    if not changes:
        return ""
    return f"The number of epochs was changed while training was under way ({'; '.join(changes)})."


def batch(facts: Facts) -> str:
    """Samples of a step, of an update, and updates of an epoch."""
    how = _plan(facts)
    if how is None:
        return ""
    samples = how.batch_size * how.accumulation_steps
    added = (
        f", with gradients accumulated over {several(how.accumulation_steps, 'step')} "
        f"(effective batch size {samples:,})"
        if how.accumulation_steps > 1
        else ", one batch per update"
    )
    return (
        f"The batch size was {several(how.batch_size, 'sample')}{added}; an epoch had "
        f"{several(how.iterations_per_epoch, 'update')}."
    )


def optimiser(facts: Facts) -> str:
    """Optimiser, learning rate, weight decay and gradient clipping."""
    how = _plan(facts)
    if how is None:
        return ""
    name = {"adamw": "AdamW", "adam": "Adam"}.get(how.optimiser, how.optimiser)
    decay = (
        f"weight decay {number(how.weight_decay)} (not of biases and norm parameters)"
        if how.weight_decay
        else "no weight decay"
    )
    return (
        f"Optimiser: {name} with a learning rate of up to {how.learning_rate:g}, {decay}, "
        f"gradients clipped to a norm of {number(how.gradient_clip)}. The learning rate had "
        f"{_warmup(facts, how)} and was set to fall along half a cosine to 0 at the last epoch."
    )


def _warmup(facts: Facts, how: TrainingPlan) -> str:
    """The warm-up in the schedule: never more than a fifth of the epochs."""
    epochs = max((fold.run.epochs for fold in facts.folds), default=how.epochs)
    n = min(
        how.warmup_epochs * how.iterations_per_epoch,
        epochs * how.iterations_per_epoch // _WARMUP_SHARE,
    )
    warmup = f"a linear warm-up of {several(n, 'update')}" if n else "no warm-up"
    return f"{warmup} (warmup_epochs={how.warmup_epochs}, at most a fifth of the epochs)"


def loss(facts: Facts) -> str:
    """Loss, smoothing and mixup."""
    how = _plan(facts)
    if how is None:
        return ""
    smoothed = (
        f"with label smoothing {number(how.label_smoothing)}"
        if how.label_smoothing
        else "without label smoothing"
    )
    mixed = (
        f"Samples and labels were mixed in pairs (mixup, alpha {number(how.mixup)})."
        if how.mixup
        else "Mixup was off."
    )
    return paragraph(f"Loss: cross-entropy {smoothed}.", mixed)


def balance(facts: Facts) -> str:
    """Compensation for classes of different size."""
    how = _plan(facts)
    if how is None:
        return ""
    descriptions = {
        "sampler": "the sampler drew all classes equally often",
        "loss": "the loss weighted each case by the inverse frequency of its class",
        "none": "no correction was made",
    }
    method = descriptions.get(how.balance, how.balance)
    return f"Class imbalance: {method} (balance={how.balance}){_counts(facts)}."


def _counts(facts: Facts) -> str:
    train = facts.of_split("train")
    if not train:
        return ""
    counts = Counter(case.label for case in train)
    frequencies = ", ".join(
        f"{label} {n:,} ({percent(n / len(train))})" for label, n in sorted(counts.items())
    )
    return f"; the training cases are {frequencies}"


def averaging(facts: Facts) -> str:
    """The moving average of the weights."""
    how = _plan(facts)
    if how is None:
        return ""
    if how.ema_decay == 0:
        return "The weights were not averaged (ema_decay=0)."
    return (
        "Validation and prediction use an exponential moving average of the weights (decay "
        f"{how.ema_decay:g}, lower in the first updates)."
    )


def machine(facts: Facts) -> str:
    """Device, precision, processes."""
    if not facts.folds:
        return ""
    return paragraph(
        *(_machine(*group) for group in _groups(facts, _on).items()), _planned_precision(facts)
    )


def _on(fold: FoldFacts) -> _Hardware:
    run = fold.run
    return run.device, run.hardware, run.precision, run.tf32, run.n_processes


def _machine(record: _Hardware, folds: list[int]) -> str:
    device, hardware, precision, tf32, n_processes = record
    named = f"{device} ({hardware})" if hardware else device
    sentence = f"{capitalised(numbered(folds))} ran on {named}"
    sentence += f", forward passes of training in {precision}" if precision else ""
    sentence += _TF32 if tf32 else ""
    if n_processes is not None and n_processes > 1:
        sentence += f", each update shared by {n_processes} processes"
    return f"{sentence}."


def _planned_precision(facts: Facts) -> str:
    """Precision in the plan, if that of the training was not recorded."""
    how = _plan(facts)
    if how is None or any(fold.run.precision for fold in facts.folds):
        return ""
    setting = "on where the device has it" if how.mixed_precision else "off"
    return (
        f"The precision that was used is not recorded; mixed precision was {setting} "
        f"(mixed_precision={str(how.mixed_precision).lower()})."
    )


def seeds(facts: Facts) -> str:
    """Seeds of the runs."""
    if not facts.folds:
        return ""
    groups = _groups(facts, lambda fold: fold.run.seed)
    if len(groups) == 1:
        seed = next(iter(groups))
        further = (
            "what the seed alone changes stands with the variance over training seeds."
            if facts.seeds is not None
            else "their metrics do not show how much results vary with the seed."
        )
        return f"All folds were trained with seed {seed}: {further}"
    by_seed = "; ".join(f"{numbered(folds)}: {seed}" for seed, folds in groups.items())
    return f"Seeds of the runs: {by_seed}."


def further(facts: Facts) -> str:
    """Settings that no sentence describes, where they are not at their default."""
    how = _plan(facts)
    if how is None:
        return ""
    settings = [
        f"{field.name} = {vars(how)[field.name]}"
        for field in dataclasses.fields(how)
        if field.name not in DESCRIBED | set(SILENT) and vars(how)[field.name] != field.default
    ]
    return f"Further settings of training: {', '.join(settings)}." if settings else ""


def _plan(facts: Facts) -> TrainingPlan | None:
    return facts.plan.training if facts.plan is not None and facts.folds else None


def _groups(facts: Facts, key: Callable[[FoldFacts], Key]) -> dict[Key, list[int]]:
    """Numbers of the folds that share a value of `key`, by that value."""
    groups: dict[Key, list[int]] = {}
    for fold in facts.folds:
        groups.setdefault(key(fold), []).append(fold.number)
    return groups


SUBJECTS = (
    SentenceTopic("epochs", "epochs", GROUP, epochs),
    SentenceTopic("batch", "batch", GROUP, batch),
    SentenceTopic("optimiser", "optimiser", GROUP, optimiser),
    SentenceTopic("loss", "loss", GROUP, loss),
    SentenceTopic("balance", "class balance", GROUP, balance),
    SentenceTopic("averaging", "averaged weights", GROUP, averaging),
    SentenceTopic("machine", "device", GROUP, machine),
    SentenceTopic("seeds", "seeds", GROUP, seeds),
    SentenceTopic("further", "further settings", GROUP, further),
)
