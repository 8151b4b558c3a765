"""Every setting of a node: name, default, unit and meaning in one place; validated once, then frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

ENV_PREFIX = "VPAAS_"
SECRET_BYTES_MIN = 32  # RFC 7518 §3.2: an HS256 key is at least as long as its hash

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=1024, le=2**30)]
Seconds = Annotated[float, Meta(ge=0, le=86400)]
ApiToken = Annotated[str, Meta(min_length=16)]
SigningKey = Annotated[str, Meta(min_length=SECRET_BYTES_MIN)]
SrtpProfileName = Literal["AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]
CodecName = Literal["opus", "VP8", "H264", "VP9", "AV1"]


def about(description: str, *, unit: str = "", secret: bool = False) -> Meta:
    return Meta(description=description, extra={"unit": unit, "secret": secret})


class Settings(Struct, frozen=True, kw_only=True):
    """The effective settings; `load` builds them from flags, VPAAS_* variables and these defaults."""

    # fmt: off
    host: Annotated[str,
        about("Address the HTTP server listens on")] = "127.0.0.1"
    port: Annotated[Port,
        about("TCP port of the HTTP server; 0 takes a free one")] = 8080
    public_url: Annotated[str | None,
        about("Origin clients reach this node by, like https://video.example; default: as requested")] = None
    demo: Annotated[bool | None,
        about("Let the page join rooms without a key; default: only on a loopback address")] = None

    data_dir: Annotated[Path,
        about("Directory of the database and of generated secrets")] = Path(".vpaas")
    database_url: Annotated[str | None,
        about("SQLAlchemy URL of the database; default: SQLite in the data directory", secret=True)] = None
    api_token: Annotated[ApiToken | None,
        about("Bearer token of the REST API; default: made once, in the data directory", secret=True)] = None
    token_secret: Annotated[SigningKey | None,
        about("Key that signs access tokens; default: made once, in the data directory", secret=True)] = None

    media_listen_ip: Annotated[str,
        about("Address media is received on")] = "0.0.0.0"  # noqa: S104 - Firefox sends nothing to loopback
    media_announced_address: Annotated[str | None,
        about("Address announced to clients in place of the listen address (behind NAT)")] = None
    media_port: Annotated[Port,
        about("UDP port of media for the first worker, the next ones following; 0 takes free ones")] = 0
    media_workers: Annotated[Annotated[int, Meta(ge=1, le=256)],
        about("Forwarding threads")] = 1
    media_srtp_profiles: Annotated[Annotated[tuple[SrtpProfileName, ...], Meta(min_length=1)],
        about("SRTP protection profiles DTLS may agree on, in order of preference")] = (
            "AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
    codecs: Annotated[Annotated[tuple[CodecName, ...], Meta(min_length=1)],
        about("Codecs rooms offer, in order of preference")] = ("opus", "VP8", "H264", "VP9", "AV1")

    participants_max: Annotated[Count,
        about("Participants of a room that does not set its own maximum")] = 1000
    room_grace_s: Annotated[Seconds,
        about("How long an empty room keeps its media router", unit="s")] = 30.0
    media_lost_s: Annotated[Seconds,
        about("Time without a network path after which a WHIP or WHEP session ends", unit="s")] = 10.0
    body_bytes_max: Annotated[Bytes,
        about("Largest request body", unit="bytes")] = 262_144
    message_bytes_max: Annotated[Bytes,
        about("Largest signalling message", unit="bytes")] = 262_144
    message_rate: Annotated[Count,
        about("Signalling requests one client may send, sustained", unit="1/s")] = 50
    message_burst: Annotated[Count,
        about("Signalling requests one client may send at once")] = 300
    message_queue_max: Annotated[Count,
        about("Signalling messages waiting for a slow client before it is cut off")] = 1024
    join_timeout_s: Annotated[Seconds,
        about("Time a signalling client has from connecting to joining", unit="s")] = 30.0
    ping_interval_s: Annotated[Seconds,
        about("Time between WebSocket pings", unit="s")] = 15.0
    ping_timeout_s: Annotated[Seconds,
        about("Time a client has to answer a ping", unit="s")] = 15.0
    shutdown_s: Annotated[Annotated[int, Meta(ge=0, le=3600)],
        about("Time open requests have to finish on shutdown", unit="s")] = 5

    log_format: Annotated[Literal["json", "console"],
        about("How log lines are written")] = "json"
    log_level: Annotated[Literal["debug", "info", "warning", "error"],
        about("Least severe log line written")] = "info"
    # fmt: on

    @property
    def demo_enabled(self) -> bool:
        return self.demo if self.demo is not None else is_loopback(self.host)

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'vpaas.sqlite3'}"


@dataclass(frozen=True)
class Setting:
    """One field of `Settings` as the command line and the documentation show it."""

    name: str
    type: msgspec.inspect.Type
    default: Any
    description: str
    unit: str
    secret: bool

    @property
    def env(self) -> str:
        return ENV_PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def is_bool(self) -> bool:
        return any(isinstance(option, msgspec.inspect.BoolType) for option in self._options)

    @property
    def is_list(self) -> bool:
        return any(isinstance(option, msgspec.inspect.VarTupleType) for option in self._options)

    @property
    def _options(self) -> tuple[msgspec.inspect.Type, ...]:
        return self.type.types if isinstance(self.type, msgspec.inspect.UnionType) else (self.type,)


@dataclass(frozen=True)
class Loaded:
    settings: Settings
    sources: Mapping[str, str]
    """Where each value came from: a flag, a variable or "default"."""
    unknown: tuple[str, ...]
    """VPAAS_* variables that are no setting: often a misspelt one."""


class SettingsError(ValueError):
    """One line for each setting that is wrong, naming the flag or variable it came from."""


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Loaded:
    """Flags win over variables, variables over defaults; a flag that is None was not given."""
    values, sources, wrong = {}, {}, []
    for setting in SETTINGS:
        raw: Any = flags.get(setting.name)
        sources[setting.name] = setting.flag
        if raw is None:
            raw, sources[setting.name] = environ.get(setting.env), setting.env
        if raw is None:
            sources[setting.name] = "default"
            continue
        if setting.is_list and isinstance(raw, str):
            raw = [part.strip() for part in raw.split(",") if part.strip()]
        try:
            values[setting.name] = msgspec.convert(
                raw, Settings.__annotations__[setting.name], strict=False, dec_hook=_construct
            )
        except msgspec.ValidationError as error:
            wrong.append(f"{sources[setting.name]}: {_in_words(error, setting)}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Loaded(Settings(**values), sources, _unknown(environ))


def show(value: Any) -> str:
    """A value as a flag or variable takes it; "-" for none."""
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _construct(kind: type, value: Any) -> Any:
    """For types msgspec does not know: a Path."""
    return kind(value)


def _in_words(error: msgspec.ValidationError, setting: Setting) -> str:
    text = str(error).partition(" - at ")[0]
    return f"{text} ({setting.description})"


def _unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {setting.env for setting in SETTINGS}
    return tuple(sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in known))


def _describe(field: msgspec.inspect.Field) -> Setting:
    kind = field.type
    schema: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    while isinstance(kind, msgspec.inspect.Metadata):
        schema |= kind.extra_json_schema or {}
        extra |= kind.extra or {}
        kind = kind.type
    return Setting(field.name, kind, field.default, schema["description"], extra["unit"], extra["secret"])


_INFO = msgspec.inspect.type_info(Settings)
assert isinstance(_INFO, msgspec.inspect.StructType)
SETTINGS = tuple(_describe(field) for field in _INFO.fields)
