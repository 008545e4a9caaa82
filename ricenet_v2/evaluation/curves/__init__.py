"""Curves that metrics are read from, one kind a file."""
