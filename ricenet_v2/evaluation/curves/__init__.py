"""Curves that figures are read from, one kind a file."""
