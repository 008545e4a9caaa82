"""Properties of the voxels of a case: foreground, boxes, labels of masks, hashes."""
