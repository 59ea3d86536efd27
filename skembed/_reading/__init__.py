"""Vectors back to levels, and the levels near to each other."""
