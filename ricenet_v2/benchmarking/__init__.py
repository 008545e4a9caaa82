"""What a fold takes on this machine: each stage by the clock, and estimates for folds."""
