"""The page that shows what was measured on a dataset and what was decided for it."""
