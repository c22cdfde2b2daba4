"""A generated world of moving figures, things and cameras, to train networks without recordings."""
