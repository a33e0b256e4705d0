"""What the log must not hold."""

import logging
import re

# The address of a share link, of an invitation or of a password reset is itself the secret.
_TOKEN = re.compile(r"(/(?:s|invitation|login/reset/[^/\s]+)/)[A-Za-z0-9_\-]{8,}")


class HideTokens(logging.Filter):
    """Takes the tokens of share links, invitations and password resets out of messages, and out of their tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "/s/" in message or "/invitation/" in message or "/login/reset/" in message:
            record.msg, record.args = _TOKEN.sub(r"\1…", message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _TOKEN.sub(r"\1…", logging.Formatter().formatException(record.exc_info))
        return True
