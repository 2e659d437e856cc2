"""Windows of a run: which sessions belong to one, and what a strategy earned and lost in it."""
