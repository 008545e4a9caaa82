"""Splits, sampling, augmentation, the loop, one fold."""
