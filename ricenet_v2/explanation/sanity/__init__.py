"""Whether a map depends on what the network learnt, and on what it answers."""
