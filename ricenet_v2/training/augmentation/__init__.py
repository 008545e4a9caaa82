"""Random changes of training samples: drawn by one function, applied by another."""
