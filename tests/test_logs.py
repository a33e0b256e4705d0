"""Nothing in the log opens a door."""

import io
import json
import logging
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from gallery.models import Person
from gallery.web.requests import RequestMiddleware
from lemonstudio import request_context
from lemonstudio.logs import HideTokens, JsonFormatter

TOKEN = "q7Zt-Xc_9aLmN2pR4sVwYb"


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(HideTokens())
    logger = logging.Logger("of this test")
    logger.addHandler(handler)
    return logger, stream


@pytest.mark.parametrize(
    "path",
    [
        f"/s/{TOKEN}/4/vote/",
        f"/invitation/{TOKEN}/",
        f"/lent/{TOKEN}:1vOx2k:{TOKEN}",
        f"/login/reset/MQ/{TOKEN}/",
    ],
)
def test_tokens_are_hidden(log: tuple[logging.Logger, io.StringIO], path: str) -> None:
    logger, stream = log
    logger.warning("Forbidden (%s): %s", "CSRF cookie not set.", path)
    try:
        raise ValueError(f"no way at {path}")
    except ValueError:
        logger.exception("Internal Server Error: %s", path)
    said = stream.getvalue()
    assert TOKEN not in said
    assert "Forbidden (CSRF cookie not set.): /" in said
    assert "ValueError: no way at /" in said


def test_other_lines_stay_as_they_are(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("%s of %d at /pictures/%d/", "one", 2, 3)
    assert stream.getvalue() == "one of 2 at /pictures/3/\n"


def in_request(number: str, view: Any) -> Any:
    request = RequestFactory().get("/pictures/", headers={"X-Request-ID": number})
    return RequestMiddleware(view)(request)


def test_json_line_has_the_request_and_the_person(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    logger, stream = logging.Logger("of this test"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(HideTokens())
    logger.addHandler(handler)

    def view(request: Any) -> HttpResponse:
        request._cached_user = Person(pk=7)
        logger.info("Opened %s", f"/s/{TOKEN}/", extra={"facts": {"milliseconds": 12}})
        try:
            raise ValueError("no way")
        except ValueError:
            logger.exception("It went wrong")
        return HttpResponse()

    assert in_request("0123456789abcdef", view)["X-Request-ID"] == "0123456789abcdef"
    logger.warning("Outside")
    opened, wrong, outside = map(json.loads, stream.getvalue().splitlines())
    assert opened.pop("time").endswith("+00:00")
    said = {"level": "INFO", "logger": "of this test", "message": "Opened /s/…/", "milliseconds": 12}
    assert opened == {**said, "request": "0123456789abcdef", "person": 7}
    assert "ValueError: no way" in wrong["exception"]
    assert "request" not in outside
    assert "person" not in outside


@pytest.mark.parametrize(
    ("trusted", "given"), [(False, "0123456789abcdef"), (True, "short"), (True, 'a"b' * 9), (True, "x" * 65)]
)
def test_id_of_a_request_is_new_unless_a_trusted_proxy_gave_a_plain_one(
    settings: Any, trusted: bool, given: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if trusted else None
    answer = in_request(given, lambda request: HttpResponse(request_context.request_id.get()))
    assert answer["X-Request-ID"] == answer.content.decode() != given
    assert len(answer.content) == 32


def test_each_request_has_a_line_with_its_duration(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="gallery.web.requests"):
        in_request("", lambda request: HttpResponse(status=204))
    (record,) = caplog.records
    assert record.getMessage().startswith("GET /pictures/ 204 in ")
    assert record.getMessage().endswith(" ms for 127.0.0.1")


def test_line_of_a_request_hides_the_token_of_a_link_in_both_formats(caplog: pytest.LogCaptureFixture) -> None:
    request = RequestFactory().get(f"/s/{TOKEN}/4/vote/")
    with caplog.at_level(logging.INFO, logger="gallery.web.requests"):
        RequestMiddleware(lambda request: HttpResponse())(request)
    (record,) = caplog.records
    assert record.facts["path"] == f"/s/{TOKEN}/4/vote/"  # type: ignore[attr-defined]
    HideTokens().filter(record)
    line = JsonFormatter().format(record)
    assert TOKEN not in line
    assert TOKEN not in record.getMessage()
    assert json.loads(line)["path"] == "/s/…/4/vote/"
