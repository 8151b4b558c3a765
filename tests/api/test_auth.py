import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from vpaas_api.auth import (
    AUDIENCE,
    ISSUER,
    AccessTokens,
    Grant,
    Permissions,
    bearer,
    require_api_token,
    secret_of,
)
from vpaas_api.errors import ApiError

SECRET = "a signing secret of the tests, 32 bytes and more"
NOW = int(time.time())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "participant",
    "room": "room",
    "permissions": {"canPublish": True, "canSubscribe": False},
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 3600,
    "jti": "once",
}


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def test_a_signed_grant_comes_back_as_it_was() -> None:
    grant = Grant(
        sub="p", room="r", permissions=Permissions(can_publish=False), iat=NOW, nbf=NOW, exp=NOW + 3600,
        jti="j", name="Ada",
    )  # fmt: skip
    tokens = AccessTokens(SECRET)
    verified = tokens.verify(tokens.sign(grant))
    assert (verified.iss, verified.aud) == (ISSUER, AUDIENCE)
    assert verified.permissions == Permissions(can_publish=False, can_subscribe=True)
    assert (verified.participant_id, verified.room, verified.name) == ("p", "r", "Ada")


def test_a_token_made_by_hand_is_accepted() -> None:
    grant = AccessTokens(SECRET).verify(signed(CLAIMS))
    assert grant.permissions == Permissions(can_publish=True, can_subscribe=False)


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        ({"exp": NOW - 1}, "token_expired", "jwt expired"),
        ({"nbf": NOW + 1800}, "token_not_active", "jwt not active"),
        ({"aud": "another"}, "unauthorized", "jwt audience invalid"),
        ({"iss": "another"}, "unauthorized", "jwt issuer invalid"),
        ({"permissions": {"canFly": True}}, "unauthorized", "jwt malformed"),
        ({"permissions": "all"}, "unauthorized", "jwt malformed"),
        ({"room": 5}, "unauthorized", "jwt malformed"),
        ({"exp": "soon"}, "unauthorized", "jwt malformed"),
        *[({claim: None}, "unauthorized", f"jwt claim {claim} missing") for claim in CLAIMS],
    ],
)
def test_wrong_claims_are_refused_with_the_reason(change: dict[str, Any], code: str, why: str) -> None:
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    with pytest.raises(ApiError) as error:
        AccessTokens(SECRET).verify(signed(claims))
    assert (error.value.code, error.value.detail) == (code, why)
    assert error.value.status == 401
    assert why in error.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not a token",
        "a.b.c",
        jwt.encode(CLAIMS, None, algorithm="none"),
        signed(CLAIMS, secret="another secret, long enough to be one indeed"),
        signed(CLAIMS, secret=SECRET + "x" * 32, algorithm="HS512"),
        signed(CLAIMS)[:-2],
        signed(CLAIMS).rpartition(".")[0] + ".",
    ],
)
def test_what_this_node_did_not_sign_with_hs256_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as error:
        AccessTokens(SECRET).verify(token)
    assert error.value.code == "unauthorized"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "token"])
def test_a_missing_bearer_token_is_asked_for(header: str | None) -> None:
    with pytest.raises(ApiError) as error:
        bearer(header)
    assert error.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_only_the_very_api_token_is_accepted() -> None:
    require_api_token("Bearer right", "right")
    require_api_token("bearer right", "right")
    for wrong in ("Bearer wrong", "Bearer right2", "Bearer righ", "Bearer \N{SNOWMAN}"):
        with pytest.raises(ApiError):
            require_api_token(wrong, "right")


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "api-token"
    secret = secret_of(None, path)
    assert len(secret) >= 32
    assert secret_of(None, path) == secret
    assert secret_of("given", path) == "given"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["api-token"]
