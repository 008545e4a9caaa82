"""Conversion of the files of hospitals and public datasets to raw dataset folders."""
