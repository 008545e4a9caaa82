"""Faults of devices, planted one at a time, and the tests that find them."""
