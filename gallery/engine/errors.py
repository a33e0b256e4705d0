"""Which errors the engine survives, and how."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

# The database cannot be reached, or is locked: the same work succeeds when it is back.
DATABASE_AWAY = (OperationalError, InterfaceError)


@contextmanager
def errors_logged(logger: logging.Logger, what: str, then: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Log an error of the block as `what`, do `then`, and go on.

    Raises only DATABASE_AWAY: then the same work comes again.
    """
    try:
        yield
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception(what)
        then()
