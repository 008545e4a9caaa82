"""Pure rules from a fingerprint to a plan."""
