"""From checkpoints to predictions."""
