"""System checks: settings under which the engine's promises would not hold stop the start."""

import stat
from math import ceil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.database)
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The queue's settings keep a message from running twice and from outliving its row."""
    problems: list[CheckMessage] = []
    queue = settings.Q_CLUSTER
    if queue.get("orm") != "default":
        problems.append(
            Error(
                "The queue is not in the default database.",
                hint='Set Q_CLUSTER["orm"] to "default": a message must commit or roll back with its generation.',
                id="gallery.E001",
            )
        )
    if queue.get("broker_class") != "lemonstudio.processes.broker.StudioBroker":
        problems.append(
            Error(
                "The queue does not use the studio's broker.",
                hint='Set Q_CLUSTER["broker_class"] to "lemonstudio.processes.broker.StudioBroker". '
                "It fetches originals before it makes thumbnails.",
                id="gallery.E007",
            )
        )
    workers, limit = queue.get("workers", 1), queue.get("queue_limit", 1)
    enough = queue.get("timeout", 0) * (1 + ceil((limit + 1) / workers))
    if queue.get("retry", 0) <= enough:
        problems.append(
            Error(
                f"Q_CLUSTER's retry is {queue.get('retry')} s, and a fetched message may wait {enough} s.",
                hint="Make retry larger than timeout × (1 + ceil((queue_limit + 1) / workers)), or tasks run twice.",
                id="gallery.E002",
            )
        )
    if queue.get("max_attempts") != 1 or not queue.get("ack_failures"):
        problems.append(
            Error(
                "A failing task would be repeated for ever.",
                hint="Set Q_CLUSTER's max_attempts to 1 and ack_failures to True; housekeeping does the retrying.",
                id="gallery.E003",
            )
        )
    if queue.get("recycle", 500) < 1_000_000:
        problems.append(
            Error(
                f"A worker would be replaced after {queue.get('recycle', 500)} tasks, and with it requests under way.",
                hint="Set Q_CLUSTER's recycle to a million or more: what a worker has sent ends with it unanswered.",
                id="gallery.E008",
            )
        )
    return problems


@register(Tags.database)
def check_sqlite(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """On SQLite, transactions that read and then write must not fail each other."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return []
    options = database.get("OPTIONS", {})
    if options.get("transaction_mode") == "IMMEDIATE" and options.get("timeout", 5) >= 20:
        return []
    return [
        Error(
            "SQLite would answer “database is locked” under load.",
            hint='Set the database options transaction_mode to "IMMEDIATE" and timeout to 20 or more.',
            id="gallery.E004",
        )
    ]


@register(Tags.database)
def check_requests(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """No view holds a transaction open for a whole request, and the rate limit allows some requests."""
    problems: list[CheckMessage] = []
    if settings.DATABASES["default"].get("ATOMIC_REQUESTS"):
        problems.append(
            Error(
                "ATOMIC_REQUESTS keeps the database locked during a whole request.",
                hint="Switch it off. Services open the transactions that they need.",
                id="gallery.E005",
            )
        )
    if settings.LEMONSTUDIO_REQUESTS_PER_MINUTE < 1:
        problems.append(
            Error(
                "LEMONSTUDIO_REQUESTS_PER_MINUTE allows no request.",
                hint="Set it to what the upstream account allows: 1000 for an ordinary account.",
                id="gallery.E006",
            )
        )
    return problems


@register(Tags.security)
def check_data_folder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Sessions and password hashes are nothing for other users of the machine. The settings close what is their own."""
    folder = Path(settings.DATA_DIR)
    closed = [folder, *folder.glob("*.sqlite3*"), folder / "secret_key"]
    return [
        Warning(
            f"Other users of this machine can open {path}.",
            hint=f"Run `chmod o-rwx {path}` as its owner.",
            id="gallery.W001",
        )
        for path in closed
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO
    ]
