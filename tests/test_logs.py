"""Nothing in the log opens a door."""

import io
import logging

import pytest

from lemonstudio.logs import HideTokens

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
