import os
import zlib

import pytest

from tests.sim.network import Network


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The test's own, always the same; VPAAS_SEED chooses another."""
    return int(os.environ.get("VPAAS_SEED", zlib.crc32(request.node.nodeid.encode())))


@pytest.fixture
def network(seed: int) -> Network:
    return Network(seed)
