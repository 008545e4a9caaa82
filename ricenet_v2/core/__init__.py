"""The ground floor: errors, grids, documents, seeds, progress. Imports no other package."""
