"""REFORMS: what each item asks for, in words of this project."""

from __future__ import annotations

from ricenet_v2.reporting.checklists.item import Checklist, Item

_PREPARED = ("region", "resampled", "normalised")

REFORMS = Checklist(
    "REFORMS",
    "Kapoor et al., Science Advances 2024, 10(18) eadk3452",
    (
        Item("1a", "Population of the claim", rest="for whom the claim is made"),
        Item("1b", "Why this population", rest="the reason"),
        Item("1c", "Why machine learning", rest="the reason"),
        Item("2a", "Dataset", ("source", "size"), "a link or DOI of the dataset", ("commands",)),
        Item("2b", "Code", ("versions",), "a link or DOI of this version of the code"),
        Item("2c", "Computing infrastructure", ("machine", "versions"),
             "memory, operating system, time that it took"),
        Item("2d", "README", rest="how to reproduce the results", also=("commands",)),
        Item("2e", "Script that reproduces the results", ("commands",),
             "a script that runs them, with the data"),
        Item("3a", "Sources of the data", ("source",), "when collected, and who labelled"),
        Item("3b", "Sampling frame", rest="what the cases were drawn from"),
        Item("3c", "Why the data suit the task", rest="the reason"),
        Item("3d", "Outcome variable", ("outcome", "size")),
        Item("3e", "Sample size", ("size",)),
        Item("3f", "Missing data", ("missing",), "shares of missing data by class"),
        Item("3g", "Representative of the population", rest="why they represent it"),
        Item("4a", "Excluded data", ("flow",), "why, and who was left out before cases.csv"),
        Item("4b", "Impossible or corrupt samples", ("checked",), "what was done about them"),
        Item("4c", "Transformations of the data", (*_PREPARED, "geometry", "intensity"),
             "what was done before the files were as the dataset has them", ("further_changes",)),
        Item("5a", "All models in detail",
             ("layers", "first_weights", "epochs", "batch", "optimiser", "loss", "balance",
              "averaging"), "other models that were trained", ("changed", "further")),
        Item("5b", "Why these types of model", rest="the reason"),
        Item("5c", "How the model was evaluated", ("folds", "disjoint", "sets", "of_folds")),
        Item("5d", "How the reported model was selected", ("validation_weights",),
             "whether other models were considered", ("prediction_weights",)),
        Item("5e", "Tuning of settings", ("settings",), "which settings were tried, and on what",
             ("plan", "changed")),
        Item("5f", "Baselines", ("tests",), "why these are the right ones"),
        Item("6a", "Training and test kept apart", ("scope", "disjoint"),
             "why what was measured on all training cases does not leak"),
        Item("6b", "Dependencies and duplicates", ("disjoint", "leaks")),
        Item("6c", "Inputs are legitimate", rest="why each is known when the model is used",
             also=("channels",)),
        Item("7a", "Metrics", ("metrics",), "why they suit the task, also that which selects"),
        Item("7b", "Uncertainty", ("uncertainty", "results"), also=("seeds", "seed_variance")),
        Item("7c", "Statistical tests", ("tests",), "why these, and whether they may be used here"),
        Item("8a", "External validity", rest="evidence beyond these cases", also=("held_out",)),
        Item("8b", "Where the findings may not hold", rest="contexts in which they may not"),
    ),
)  # fmt: skip
