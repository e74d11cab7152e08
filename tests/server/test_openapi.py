"""Requests made up from the service's own description: no answer breaks it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loud_service import LoudnessRuntime, serve

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.tagger import Tagger

schemathesis = pytest.importorskip("schemathesis")
OPERATIONS = 9


@pytest.fixture(scope="module")
def description():
    """The service's description of itself, while it runs."""
    config = ServerConfig(workers=1, wait=0.2, max_seconds=5)
    with serve(build_app({"loudness": Tagger(LoudnessRuntime())}, config)) as url:
        yield schemathesis.openapi.from_url(f"{url}openapi.json")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(OPERATIONS))
def test_no_request_breaks_the_service(description, number):
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) == OPERATIONS

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask(data):
        response = data.draw(operations[number].as_strategy()).call()
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            [kind] = response.headers["content-type"]
            assert kind in ("application/problem+json", "application/json")

    ask()
