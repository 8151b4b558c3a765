import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_api.signaling import framing, messages


def test_a_request_is_read() -> None:
    request = framing.decode('{"request": true, "id": 7, "method": "join", "data": {"a": 1}, "more": 1}')
    assert request is not None
    assert (request.id, request.method, bytes(request.data)) == (7, "join", b'{"a": 1}')
    assert request.traceparent is None


@pytest.mark.parametrize("data", ["", ', "data": null'])
def test_a_request_without_data_has_an_empty_object(data: str) -> None:
    request = framing.decode(f'{{"request": true, "id": 0, "method": "leave"{data}}}')
    assert request is not None
    assert bytes(request.data) == b"{}"


@pytest.mark.parametrize(
    "text",
    [
        '{"notification": true, "method": "x", "data": {}}',
        '{"response": true, "id": 1, "ok": true, "data": {}}',
    ],
)
def test_notifications_and_responses_need_no_answer(text: str) -> None:
    assert framing.decode(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "{}",
        "null",
        '{"request": true}',
        '{"request": true, "id": 1}',
        '{"request": true, "method": "join"}',
        '{"request": true, "id": -1, "method": "join"}',
        '{"request": true, "id": 1.5, "method": "join"}',
        '{"request": true, "id": "1", "method": "join"}',
        '{"request": true, "id": 1, "method": ""}',
        '{"request": true, "response": true, "id": 1, "method": "join"}',
        '{"request": "yes", "id": 1, "method": "join"}',
        "[" * 100_000,
        '{"request": true, "id": 1, "method": "join", "data": ' + "[" * 100_000,
    ],
)
def test_what_is_not_protoo_is_malformed(text: str) -> None:
    with pytest.raises(framing.MalformedError):
        framing.decode(text)


@settings(max_examples=200)
@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x)).map(json.dumps))
def test_any_text_is_a_request_or_malformed(text: str) -> None:
    try:
        request = framing.decode(text)
    except framing.MalformedError:
        return
    assert request is None or request.method


def test_answers_and_notifications_are_what_protoo_expects() -> None:
    assert json.loads(framing.success(3, None)) == {"response": True, "id": 3, "ok": True, "data": {}}
    assert json.loads(framing.success(0, messages.Produced("p"))) == {
        "response": True, "id": 0, "ok": True, "data": {"id": "p"},
    }  # fmt: skip
    assert json.loads(framing.failure(4, 404, "no")) == {
        "response": True, "id": 4, "ok": False, "errorCode": 404, "errorReason": "no",
    }  # fmt: skip
    assert json.loads(framing.notification("peerLeft", messages.PeerLeft("p", "left"))) == {
        "notification": True, "method": "peerLeft", "data": {"id": "p", "reason": "left"},
    }  # fmt: skip


def test_a_close_reason_fits_its_frame_and_stays_text() -> None:
    cut = framing.close_reason("é" * 100)
    assert len(cut.encode()) <= framing.CLOSE_REASON_BYTES_MAX
    assert set(cut) == {"é"}
