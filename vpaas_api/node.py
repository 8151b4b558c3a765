"""The parts of a running node, handed to every handler."""

from dataclasses import dataclass

from vpaas_api.auth import AccessTokens, secret_of
from vpaas_api.http_session import HttpSessions
from vpaas_api.settings import Settings
from vpaas_api.signaling.rooms import Rooms
from vpaas_api.store import Store
from vpaas_core import Engine


@dataclass(frozen=True, kw_only=True)
class Node:
    settings: Settings
    api_token: str
    access_tokens: AccessTokens
    store: Store
    engine: Engine
    rooms: Rooms
    http_sessions: HttpSessions


def api_token_of(settings: Settings) -> str:
    return secret_of(settings.api_token, settings.data_dir / "api-token")


def access_tokens_of(settings: Settings) -> AccessTokens:
    return AccessTokens(secret_of(settings.token_secret, settings.data_dir / "token-secret"))
