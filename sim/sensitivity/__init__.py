"""Which parameters a statistic hangs on: Sobol indices, Morris screening, tornadoes and grids of an experiment."""
