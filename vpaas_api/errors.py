"""What a caller did wrong, for HTTP (RFC 9457 problem details) and for signalling (a protoo error code)."""

import re
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from vpaas_core import (
    InvalidParameters,
    InvalidState,
    NotFound,
    ResourceLimit,
    Unsupported,
    VpaasError,
)


class Problem(NamedTuple):
    status: int
    title: str


PROBLEMS = {
    "malformed_json": Problem(400, "The body is not JSON"),
    "malformed_sdp": Problem(400, "The body is not a session description this node can read"),
    "invalid_request": Problem(400, "A field is missing, unknown or has a wrong value"),
    "unauthorized": Problem(401, "A valid bearer token is needed"),
    "token_expired": Problem(401, "The access token has expired"),
    "token_not_active": Problem(401, "The access token is not valid yet"),
    "forbidden": Problem(403, "The token does not permit this"),
    "not_found": Problem(404, "There is nothing under this address"),
    "room_not_found": Problem(404, "There is no such room"),
    "session_not_found": Problem(404, "There is no such session"),
    "method_not_allowed": Problem(405, "This address does not take this method"),
    "external_id_exists": Problem(409, "Another room has this externalId"),
    "room_full": Problem(409, "The room has reached its maximum of participants"),
    "nothing_to_play": Problem(409, "Nobody is publishing what was asked for"),
    "conflict": Problem(409, "The state does not permit this now"),
    "room_ended": Problem(410, "The room has ended"),
    "etag_mismatch": Problem(412, "If-Match names another ICE session"),
    "body_too_large": Problem(413, "The body is too large"),
    "unsupported_media_type": Problem(415, "The body has another content type than this address takes"),
    "unsupported_media": Problem(422, "The offer has no media this node can take"),
    "etag_required": Problem(428, "If-Match is needed"),
    "too_many": Problem(429, "A limit has been reached"),
    "internal_error": Problem(500, "The node failed; the log has the reason"),
    "page_not_built": Problem(503, "The page has not been built"),
}


class FieldError(Struct, frozen=True):
    field: Annotated[str, Meta(description="Path of the field in the request, dotted; empty for the whole")]
    message: str


class ProblemDetails(Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details, with a `code` that never changes its meaning."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: list[FieldError] = []


class ApiError(Exception):
    """A refusal. `code` is a key of `PROBLEMS`; `headers` go with the HTTP answer."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.status, self.title = PROBLEMS[code]
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}

    @property
    def reason(self) -> str:
        """One line that names the field, as signalling answers it."""
        if self.errors:
            return "; ".join(f"{error.field}: {error.message}".lstrip(": ") for error in self.errors)
        return self.detail or self.title

    def details(self) -> ProblemDetails:
        return ProblemDetails(
            f"urn:vpaas:problem:{self.code}", self.title, self.status, self.code, self.detail, self.errors
        )


_ENGINE_CODES: dict[type[VpaasError], str] = {
    NotFound: "not_found",
    InvalidState: "conflict",
    ResourceLimit: "too_many",
    Unsupported: "unsupported_media",
}


def from_engine(error: VpaasError) -> ApiError:
    if isinstance(error, InvalidParameters):
        code = "malformed_sdp" if error.field.startswith("sdp") else "invalid_request"
        return ApiError(code, errors=[FieldError(error.field, error.message)])
    code = next((code for kind, code in _ENGINE_CODES.items() if isinstance(error, kind)), "internal_error")
    return ApiError(code, str(error))


_AT = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"(?:unknown|missing required) field `(.+)`")


def from_validation(error: msgspec.ValidationError) -> ApiError:
    """msgspec's message taken apart: the path, with the name of an unknown or missing field added to it."""
    text = str(error)
    path = ""
    if at := _AT.search(text):
        path, text = at[1].replace("[...]", ""), text[: at.start()]
    if named := _NAMED.search(text):
        path = f"{path}.{named[1]}".lstrip(".")
    return ApiError("invalid_request", errors=[FieldError(path, text)])
