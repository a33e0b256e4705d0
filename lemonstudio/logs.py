"""What the log must not hold."""

import logging
import re

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
