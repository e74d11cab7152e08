"""A service over a model that measures loudness, called without a network."""

import pytest
from loud_service import LoudnessRuntime
from starlette.testclient import TestClient

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.tagger import Tagger


@pytest.fixture(scope="module")
def runtime():
    return LoudnessRuntime()


@pytest.fixture(scope="module")
def client(runtime):
    """Of a service with two models; its decoders live as long as the module."""
    taggers = {"loudness": Tagger(runtime), "other": Tagger(LoudnessRuntime())}
    config = ServerConfig(workers=1, max_upload_mb=1, max_seconds=20, max_files=3)
    with TestClient(build_app(taggers, config)) as client:
        yield client
