"""Frozen dataclasses of everything that is written as JSON or CSV."""
