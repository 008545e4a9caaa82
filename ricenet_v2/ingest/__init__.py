"""Converters of public datasets into raw dataset folders."""
