"""`python -m sim.cli` is `regimesim`."""

from sim.cli import main

main()
