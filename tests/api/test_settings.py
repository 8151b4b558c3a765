from pathlib import Path

import pytest

from vpaas_api.settings import SETTINGS, Settings, SettingsError, load


def test_defaults_need_nothing() -> None:
    loaded = load({}, {})
    assert loaded.settings == Settings()
    assert loaded.settings.host == "127.0.0.1"
    assert loaded.settings.port == 8080
    assert set(loaded.sources.values()) == {"default"}


def test_flags_win_over_variables_and_variables_over_defaults() -> None:
    environ = {"VPAAS_PORT": "9000", "VPAAS_HOST": "::1"}
    loaded = load({"port": "9001"}, environ)
    assert loaded.settings.port == 9001
    assert loaded.settings.host == "::1"
    assert loaded.sources["port"] == "--port"
    assert loaded.sources["host"] == "VPAAS_HOST"


def test_each_type_is_read_from_text() -> None:
    environ = {
        "VPAAS_CODECS": "opus, H264",
        "VPAAS_DEMO": "false",
        "VPAAS_DATA_DIR": "/srv/vpaas",
        "VPAAS_ROOM_GRACE_S": "1.5",
    }
    settings = load({}, environ).settings
    assert settings.codecs == ("opus", "H264")
    assert settings.demo is False
    assert settings.data_dir == Path("/srv/vpaas")
    assert settings.room_grace_s == 1.5


def test_every_wrong_value_is_named_with_its_source() -> None:
    with pytest.raises(SettingsError) as error:
        load({"port": "70000"}, {"VPAAS_LOG_FORMAT": "xml", "VPAAS_API_TOKEN": "short", "VPAAS_CODECS": ""})
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "--port",
        "VPAAS_API_TOKEN",
        "VPAAS_CODECS",
        "VPAAS_LOG_FORMAT",
    ]
    assert "65535" in lines[0]
    assert "short" not in str(error.value).replace("shorter", "")


def test_a_misspelt_variable_is_reported() -> None:
    assert load({}, {"VPAAS_PROT": "1", "PATH": "/bin"}).unknown == ("VPAAS_PROT",)


@pytest.mark.parametrize(
    ("host", "demo", "enabled"),
    [
        ("127.0.0.1", None, True),
        ("localhost", None, True),
        ("::1", None, True),
        ("0.0.0.0", None, False),
        ("video.example", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_the_demo_is_on_only_where_nobody_else_can_reach_it(
    host: str, demo: bool | None, enabled: bool
) -> None:
    assert Settings(host=host, demo=demo).demo_enabled is enabled


def test_every_setting_is_described_and_secrets_are_marked() -> None:
    assert all(setting.description for setting in SETTINGS)
    assert {setting.name for setting in SETTINGS if setting.secret} == {
        "database_url",
        "api_token",
        "token_secret",
    }
    for setting in SETTINGS:
        if setting.name.endswith("_s"):
            assert setting.unit == "s"
        if "bytes" in setting.name:
            assert setting.unit == "bytes"
