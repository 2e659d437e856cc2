"""Engines, one a file, and their registry; a strategy is a list of engines."""
