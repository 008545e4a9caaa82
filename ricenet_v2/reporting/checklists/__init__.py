"""Reporting checklists, answered by the sentences of a run and by nothing else."""
