"""Sentences about software, commands and use."""

from __future__ import annotations

from ricenet_v2.reporting.formatting import RESEARCH_ONLY, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import (
    SentenceTopic,
    capitalised,
    listed,
    numbered,
    paragraph,
)

GROUP = "Software and use"


def versions(facts: Facts) -> str:
    """Versions with which the folds were trained."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for fold in facts.folds:
        groups.setdefault(tuple(sorted(fold.run.versions.items())), []).append(fold.number)
    sentences = []
    for packages, folds in groups.items():
        names = [f"{name} {number}" for name, number in packages]
        if "ricenet_v2" not in dict(packages):
            names.append("a version of ricenet_v2 that is not recorded")
        were = "was" if len(folds) == 1 else "were"
        sentences.append(f"{capitalised(numbered(folds))} {were} trained with {listed(names)}.")
    return paragraph(*sentences)


def plugins(facts: Facts) -> str:
    """Components of the plan that other packages provide."""
    uses = facts.plan.plugins if facts.plan else ()
    parts = [f"{use.package} {use.version} ({use.group}: {use.name})" for use in uses]
    return f"Other packages bring parts of the plan: {listed(parts)}." if parts else ""


def commands(facts: Facts) -> str:
    """Whether the commands of all steps are known."""
    without = [fold.number for fold in facts.folds if not fold.run.command]
    if not facts.folds:
        return ""
    if without:
        return f"The command that trained {numbered(without)} is not recorded."
    return (
        "The commands as typed, and SHA-256 of every file that was read, are listed in this report."
    )


def weights(facts: Facts) -> str:
    """Checkpoints of each folder of predictions."""
    return paragraph(
        *(
            f"Predictions in {result.title} name "
            f"{several(len(result.predictions.checkpoint_hashes), 'file')} of weights by SHA-256."
            for result in facts.folders
            if result.predictions and result.predictions.checkpoint_hashes
        )
    )


def licence(facts: Facts) -> str:
    """The licence of the data."""
    terms = facts.dataset.licence
    return f"dataset.json names the licence of the data: {terms}." if terms else ""


def use(_facts: Facts) -> str:
    """Intended use."""
    return RESEARCH_ONLY


SUBJECTS = (
    SentenceTopic("versions", "versions", GROUP, versions),
    SentenceTopic("plugins", "other packages", GROUP, plugins),
    SentenceTopic("commands", "commands", GROUP, commands),
    SentenceTopic("weights", "files of weights", GROUP, weights),
    SentenceTopic("licence", "licence of the data", GROUP, licence),
    SentenceTopic("use", "use", GROUP, use),
)
