"""REFORMS: what each item asks for, in words of this project."""

from __future__ import annotations

from ricenet_v2.report.checklists.item import Checklist, ChecklistItem

_PREPARED = ("region", "resampled", "normalised")

REFORMS = Checklist(
    "REFORMS",
    "Kapoor et al., Science Advances 2024, 10(18) eadk3452",
    (
        ChecklistItem("1a", "Population of the claim", rest="for whom the claim is made"),
        ChecklistItem("1b", "Why this population", rest="the reason"),
        ChecklistItem("1c", "Why machine learning", rest="the reason"),
        ChecklistItem("2a", "Dataset", ("source", "size"), "a link or DOI of the dataset", ("commands",)),
        ChecklistItem("2b", "Code", ("versions",), "a link or DOI of this version of the code"),
        ChecklistItem("2c", "Computing infrastructure", ("machine", "versions"),
             "memory, operating system, time that it took"),
        ChecklistItem("2d", "README", rest="how to come to the results", also=("commands",)),
        ChecklistItem("2e", "Script that reproduces the results", ("commands",),
             "a script that runs them, with the data"),
        ChecklistItem("3a", "Sources of the data", ("source",), "when collected, and who labelled"),
        ChecklistItem("3b", "Sampling frame", rest="what the cases were drawn from"),
        ChecklistItem("3c", "Why the data suit the task", rest="the reason"),
        ChecklistItem("3d", "Outcome variable", ("outcome", "size")),
        ChecklistItem("3e", "Sample size", ("size",)),
        ChecklistItem("3f", "Missing data", ("missing",), "shares of missing data by class"),
        ChecklistItem("3g", "Representative of the population", rest="why they represent it"),
        ChecklistItem("4a", "Excluded data", ("flow",), "why, and who was left out before cases.csv"),
        ChecklistItem("4b", "Impossible or corrupt samples", ("checked",), "what was done about them"),
        ChecklistItem("4c", "Transformations of the data", (*_PREPARED, "geometry", "intensity"),
             "what was done before the files were as the dataset has them"),
        ChecklistItem("5a", "All models in detail",
             ("layers", "first_weights", "epochs", "batch", "optimiser", "loss", "balance",
              "averaging"), "other models that were trained", ("changed", "further")),
        ChecklistItem("5b", "Why these types of model", rest="the reason"),
        ChecklistItem("5c", "How the model was evaluated", ("folds", "disjoint", "sets", "of_folds")),
        ChecklistItem("5d", "How the reported model was selected", ("validation_weights",),
             "whether other models were looked at", ("prediction_weights",)),
        ChecklistItem("5e", "Tuning of settings", ("settings",), "which settings were tried, and on what",
             ("plan", "changed")),
        ChecklistItem("5f", "Baselines", ("tests",), "why these are the right ones"),
        ChecklistItem("6a", "Training and test kept apart", ("scope", "disjoint"),
             "why what was measured on all training cases does not leak"),
        ChecklistItem("6b", "Dependencies and duplicates", ("disjoint", "leaks")),
        ChecklistItem("6c", "Inputs are legitimate", rest="why each is known when the model is used",
             also=("channels",)),
        ChecklistItem("7a", "Metrics", ("metrics",), "why they suit the task, also that which selects"),
        ChecklistItem("7b", "Uncertainty", ("uncertainty", "results"), also=("seeds", "seed_variance")),
        ChecklistItem("7c", "Statistical tests", ("tests",), "why these, and whether they may be used here"),
        ChecklistItem("8a", "External validity", rest="evidence beyond these cases", also=("held_out",)),
        ChecklistItem("8b", "Where the findings may not hold", rest="contexts in which they may not"),
    ),
)  # fmt: skip
