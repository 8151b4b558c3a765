import json
import logging

import pytest
import structlog

from vpaas_api import logs
from vpaas_api.settings import Settings

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _restore() -> object:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_line_is_json_with_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    logs.get_logger().info("room_created", room="r1")
    logs.get_logger().debug("too_small")
    (line,) = lines(capsys)
    assert (line["event"], line["room"], line["level"]) == ("room_created", "r1", "info")
    assert str(line["timestamp"]).endswith("Z")


def test_the_callers_trace_is_on_every_line_inside(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    for traceparent in (TRACE, "nonsense", None):
        with logs.trace(traceparent):
            logs.get_logger().info("something")
    traced, *untraced = lines(capsys)
    assert traced["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert traced["span_id"] == "b7ad6b7169203331"
    assert all("trace_id" not in line for line in untraced)


def test_libraries_log_the_same_way_but_no_request_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    logging.getLogger("uvicorn.error").info('"WebSocket /vpaas/signaling?accessToken=secret" [accepted]')
    logging.getLogger("uvicorn.error").error("broken")
    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("broken", "error")


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    try:
        raise ValueError("why")
    except ValueError:
        logs.get_logger().exception("request_failed")
    (line,) = lines(capsys)
    assert "why" in json.dumps(line["exception"])


def test_a_terminal_gets_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="console"))
    logs.get_logger().info("room_created", room="r1")
    assert "room_created" in capsys.readouterr().err
