"""Cost of a fold on this machine: each stage by the clock, and estimates for folds."""
