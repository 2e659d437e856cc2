"""Statistics of outcomes, each with its definition and a 95% interval."""
