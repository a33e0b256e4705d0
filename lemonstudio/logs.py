"""How the log looks, what stands in it about the request, and what it must not hold."""

import json
import logging
import re
from datetime import UTC, datetime

from lemonstudio import request_context

# The address of a share link, an invitation, a lent picture or a password reset is itself the secret.
_TOKEN = re.compile(r"(/(?:s|invitation|lent|login/reset/[^/\s]+)/)[A-Za-z0-9_\-:%.]{8,}")
_PATHS = ("/s/", "/invitation/", "/lent/", "/login/reset/")


class HideTokens(logging.Filter):
    """Takes the tokens of such addresses out of messages, and out of their tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if any(path in message for path in _PATHS):
            record.msg, record.args = _TOKEN.sub(r"\1…", message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _TOKEN.sub(r"\1…", logging.Formatter().formatException(record.exc_info))
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message; in a request its id and the person's number."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_context.request_id.get(),
            "person": request_context.person_id(),
            # What a line says beside its words, such as the duration of a request.
            **getattr(record, "facts", {}),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        line["exception"] = record.exc_text
        # Nothing is said of what there is not. The filter has seen the message, and not the facts.
        told = {name: value for name, value in line.items() if value not in (None, "")}
        return _TOKEN.sub(r"\1…", json.dumps(told, ensure_ascii=False))
