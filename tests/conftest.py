"""Settings that all tests share."""

from hypothesis import settings

# the same examples on every machine: a fault is found while it is being written, not by a stranger's run
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")
