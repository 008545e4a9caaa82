"""The ground: errors, grids, versioned documents, seeds, progress. Imports nothing of the house."""
