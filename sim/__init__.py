"""The simulator: market, book, experiments and reports on the paths of `models`."""
