"""What was done, in sentences that are derived from the files of a model and from nothing else."""
