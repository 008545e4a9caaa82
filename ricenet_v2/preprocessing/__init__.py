"""Crop, resample, normalise: the same for training and prediction."""
