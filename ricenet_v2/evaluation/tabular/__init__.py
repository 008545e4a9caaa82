"""Logistic regression on a table: the comparator that a network has to beat."""
