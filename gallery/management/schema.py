"""What the commands that start the studio ask first."""

from django.core.management.base import CommandError
from django.db import Error

from gallery.db import schema


def require_current_schema() -> None:
    """Raises CommandError for a database of another version. One that is away is waited for later, as in a restart."""
    try:
        state = schema.state()
    except Error:
        return
    if state != "ok":
        raise CommandError(schema.SENTENCES[state])
