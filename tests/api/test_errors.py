import msgspec
import pytest

from vpaas_api.errors import PROBLEMS, ApiError, FieldError, from_engine, from_validation
from vpaas_api.rest.rooms import CreateRoom
from vpaas_core import InvalidParameters, InvalidState, NotFound, ResourceLimit, Unsupported, VpaasError


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"nam": 1}', "nam", "unknown field"),
        (b'{"name": 1}', "name", "Expected `str`"),
        (b'{"settings": {"maxParticipants": 0}}', "settings.maxParticipants", ">= 1"),
        (b'{"settings": {"max": 1}}', "settings.max", "unknown field"),
        (b'{"metadata": {"a": []}}', "metadata", "got `array`"),
        (b"[]", "", "Expected `object`"),
    ],
)
def test_a_validation_error_names_the_field(body: bytes, field: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(body, type=CreateRoom)
    (error,) = from_validation(raised.value).errors
    assert error.field == field
    assert message in error.message


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (InvalidParameters("codecs[0].clockRate", "is 0"), "invalid_request", 400),
        (InvalidParameters("sdp", "no m= line"), "malformed_sdp", 400),
        (NotFound("no producer"), "not_found", 404),
        (InvalidState("closed"), "conflict", 409),
        (ResourceLimit("no port"), "too_many", 429),
        (Unsupported("no codec"), "unsupported_media", 422),
        (VpaasError("?"), "internal_error", 500),
    ],
)
def test_errors_of_the_engine_have_a_code(error: VpaasError, code: str, status: int) -> None:
    refusal = from_engine(error)
    assert (refusal.code, refusal.status) == (code, status)
    assert refusal.reason in str(error)


def test_problem_details_carry_code_and_fields() -> None:
    error = ApiError("invalid_request", errors=[FieldError("name", "is too long")])
    assert msgspec.to_builtins(error.details()) == {
        "type": "urn:vpaas:problem:invalid_request",
        "title": PROBLEMS["invalid_request"].title,
        "status": 400,
        "code": "invalid_request",
        "errors": [{"field": "name", "message": "is too long"}],
    }
    assert error.reason == "name: is too long"
