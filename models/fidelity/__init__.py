"""How like the real market a model is: facts of six-year histories, scored against those of SPX and VIX."""
