"""Files: paths, images, tables, preprocessed cases, checkpoints."""
