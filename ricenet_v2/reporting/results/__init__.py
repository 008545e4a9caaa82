"""The report of a trained dataset: it reads what the other commands wrote, and computes nothing."""
