"""What each channel contributes: subsets trained alike, Shapley values, spoilt channels."""
