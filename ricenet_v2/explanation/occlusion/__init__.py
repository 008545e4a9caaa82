"""Occlusion sensitivity: what a network says when a part of the images is hidden."""
