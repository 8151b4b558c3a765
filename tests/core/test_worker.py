"""Which addresses a worker announces."""

import pytest

from vpaas_core import Config, Engine


async def candidates(config: Config) -> list[tuple[str, int]]:
    async with Engine(config) as engine:
        transport = engine.create_router().create_web_rtc_transport()
        port = engine.workers[0].port
        assert {each.port for each in transport.ice_candidates} == {port}
        return [(each.ip, each.priority) for each in transport.ice_candidates]


@pytest.mark.parametrize(
    ("config", "addresses"),
    [
        (Config(listen_ip="127.0.0.1"), ["127.0.0.1"]),
        (Config(listen_ip="::1"), ["::1"]),
        (Config(listen_ip="127.0.0.1", announced_address="203.0.113.7"), ["203.0.113.7"]),
        (Config(listen_ip="0.0.0.0", announced_address="203.0.113.7"), ["203.0.113.7"]),
    ],
)
async def test_a_given_address_is_announced_alone(config: Config, addresses: list[str]) -> None:
    assert [address for address, _ in await candidates(config)] == addresses


async def test_a_wildcard_announces_the_host_and_then_loopback() -> None:
    found = await candidates(Config(listen_ip="0.0.0.0"))
    assert found[-1][0] == "127.0.0.1"
    assert len(found) <= 2
    assert [priority for _, priority in found] == sorted({each for _, each in found}, reverse=True)
