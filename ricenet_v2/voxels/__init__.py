"""What the voxels of a case say: foreground, boxes, labels of masks, hashes."""
