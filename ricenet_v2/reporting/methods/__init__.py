"""Methods section, in sentences that are derived only from the files of a model."""
