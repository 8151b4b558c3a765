"""Who may do what: the API token of an app's back end, and the access tokens of participants."""

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import jwt
import msgspec
from msgspec import Struct

from vpaas_api.errors import ApiError

ISSUER = "vpaas"
AUDIENCE = "vpaas:room"
ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "room", "permissions", "iat", "nbf", "exp", "jti"]


def new_id() -> str:
    """96 random bits: cannot be guessed and never repeats."""
    return secrets.token_hex(12)


class Permissions(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    can_publish: bool = True
    can_subscribe: bool = True


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims of an access token. `sub` is the participant; times are seconds since the epoch."""

    iss: str = ""
    aud: str = ""
    sub: str
    room: str
    permissions: Permissions
    iat: int
    nbf: int
    exp: int
    jti: str
    name: str = ""

    @property
    def participant_id(self) -> str:
        return self.sub


class AccessTokens:
    """Signs and verifies access tokens with this node's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, grant: Grant) -> str:
        claims = msgspec.to_builtins(msgspec.structs.replace(grant, iss=ISSUER, aud=AUDIENCE))
        claims["permissions"] = msgspec.to_builtins(grant.permissions)
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Grant:
        """Raises ApiError: token_expired, token_not_active or unauthorized, the detail saying why."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": REQUIRED_CLAIMS},
            )
            return msgspec.convert(claims, Grant)
        except jwt.ExpiredSignatureError:
            raise _refusal("token_expired", "jwt expired") from None
        except jwt.ImmatureSignatureError:
            raise _refusal("token_not_active", "jwt not active") from None
        except jwt.InvalidSignatureError:
            raise _refusal("unauthorized", "jwt signature invalid") from None
        except jwt.InvalidAudienceError:
            raise _refusal("unauthorized", "jwt audience invalid") from None
        except jwt.InvalidIssuerError:
            raise _refusal("unauthorized", "jwt issuer invalid") from None
        except jwt.MissingRequiredClaimError as error:
            raise _refusal("unauthorized", f"jwt claim {error.claim} missing") from None
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise _refusal("unauthorized", "jwt malformed") from None


def require_api_token(authorization: str | None, expected: str) -> None:
    token = bearer(authorization)
    if not hmac.compare_digest(token.encode(), expected.encode()):
        raise _refusal("unauthorized", "The API token is wrong")


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header (RFC 6750 §2.1), or ApiError."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(
            "unauthorized",
            "Send the header: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": 'Bearer realm="vpaas"'},
        )
    return token.strip()


def secret_of(given: str | None, path: Path) -> str:
    """A configured secret, or the one in `path`, made on first use and readable by its owner alone."""
    if given:
        return given
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as file:  # readable by its owner alone
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            with suppress(FileExistsError):  # two processes may start at once: the first one's secret stays
                os.link(file.name, path)
    return path.read_text().strip()


def _refusal(code: str, why: str) -> ApiError:
    challenge = f'Bearer realm="vpaas", error="invalid_token", error_description="{why}"'
    return ApiError(code, why, headers={"WWW-Authenticate": challenge})
