"""Small faults, planted one at a time, and whether the tests find them."""
