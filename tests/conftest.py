"""Settings that all tests share."""

import os

import pytest
from hypothesis import settings

# the same examples on every machine: a fault is found while it is being written, not by a stranger's run
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def _tables_of_tests(request: pytest.FixtureRequest) -> None:
    """Keep the price tables of tests apart from the user's, from one run of the tests to the next."""
    if request.config.cache is not None:
        os.environ["REGIMESIM_CACHE_DIR"] = str(request.config.cache.mkdir("regimesim"))
