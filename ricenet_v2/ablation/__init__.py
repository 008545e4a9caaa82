"""Contribution of each channel: equally trained subsets, Shapley values, perturbed channels."""
