"""Gradient maps: a second opinion that costs a few backward passes."""
