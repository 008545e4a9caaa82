"""Attribution of a network's output to voxels and channels."""
