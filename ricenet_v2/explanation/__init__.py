"""What each voxel and each channel contributes to what a network says."""
