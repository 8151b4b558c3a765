import asyncio
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from vpaas_api.auth import AccessTokens, Permissions
from vpaas_api.cli import main
from vpaas_api.rest.rooms import CreateRoom, add_room
from vpaas_api.settings import SETTINGS, Settings
from vpaas_api.store import Store


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    return CliRunner(env={setting.env: None for setting in SETTINGS})


def test_help_shows_how_to_start(runner: CliRunner) -> None:
    text = runner.invoke(main, ["--help"]).output
    assert "vpaas serve" in text
    assert "curl" in text


def test_every_setting_is_a_documented_flag(runner: CliRunner) -> None:
    text = runner.invoke(main, ["serve", "--help"]).output
    for setting in SETTINGS:
        assert setting.flag in text
        assert setting.env in text


def test_print_config_shows_sources_and_no_secret(runner: CliRunner) -> None:
    result = runner.invoke(
        main,
        ["serve", "--print-config", "--port", "9000", "--api-token", "a very secret token"],
        env={"VPAAS_TOKEN_SECRET": "x" * 40, "VPAAS_NO_DEMO": "1"},
    )
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert rows["port"] == ["9000", "--port"]
    assert rows["host"] == ["127.0.0.1", "default"]
    assert rows["api_token"] == ["(hidden)", "--api-token"]
    assert rows["token_secret"] == ["(hidden)", "VPAAS_TOKEN_SECRET"]
    assert rows["room_grace_s"] == ["30.0", "s", "default"]
    assert "secret token" not in result.output
    assert "x" * 40 not in result.output
    assert "VPAAS_NO_DEMO" in result.stderr


def test_a_wrong_setting_is_named(runner: CliRunner) -> None:
    result = runner.invoke(main, ["serve", "--port", "http"])
    assert result.exit_code == 1
    assert "--port" in result.output


def test_an_address_in_use_is_said_plainly(runner: CliRunner) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = runner.invoke(main, ["serve", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "cannot listen on 127.0.0.1" in result.output
    assert "Traceback" not in result.output


def test_the_api_token_is_made_once(runner: CliRunner, tmp_path: Path) -> None:
    first = runner.invoke(main, ["token", "--api"]).stdout.strip()
    assert len(first) >= 32
    assert runner.invoke(main, ["token", "--api"]).stdout.strip() == first
    assert stat.S_IMODE((tmp_path / ".vpaas" / "api-token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / ".vpaas").stat().st_mode) == 0o700
    assert runner.invoke(main, ["token", "--api", "--api-token", "x" * 20]).stdout.strip() == "x" * 20


def test_a_participants_token_is_signed_with_the_nodes_secret(runner: CliRunner, tmp_path: Path) -> None:
    async def make_room() -> str:
        settings = Settings(data_dir=tmp_path / ".vpaas")
        settings.data_dir.mkdir()
        store = Store(settings.effective_database_url)
        await store.open()
        room = await add_room(store, CreateRoom(name="Lecture"))
        await store.close()
        return room.id

    room_id = asyncio.run(make_room())
    result = runner.invoke(
        main, ["token", "--room", room_id, "--no-subscribe", "--ttl", "60", "--name", "OBS"]
    )
    assert result.exit_code == 0, result.output
    secret = (tmp_path / ".vpaas" / "token-secret").read_text().strip()
    grant = AccessTokens(secret).verify(result.stdout.strip())
    assert (grant.room, grant.name) == (room_id, "OBS")
    assert grant.permissions == Permissions(can_publish=True, can_subscribe=False)
    assert grant.exp - grant.nbf == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "--api or --room"), (["--api", "--room", "x"], "--api or --room"), (["--room", "x"], "No room")],
)
def test_wrong_use_is_explained(runner: CliRunner, arguments: list[str], message: str) -> None:
    result = runner.invoke(main, ["token", *arguments])
    assert result.exit_code != 0
    assert message in result.output
    assert json.dumps({}) not in result.output
