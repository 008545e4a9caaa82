"""Torch modules of plans, and what they cost."""
