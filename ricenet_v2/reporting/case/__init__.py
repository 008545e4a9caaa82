"""The page of one case: its pictures with isodose lines, its volumes, what was predicted."""
