"""Strategies: one file each, with the paper it follows."""
