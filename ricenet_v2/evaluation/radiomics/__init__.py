"""Radiomic features of the Image Biomarker Standardisation Initiative (IBSI)."""
