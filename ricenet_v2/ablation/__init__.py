"""What each channel contributes: subsets trained the same, Shapley values, perturbed channels."""
