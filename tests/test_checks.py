"""System checks refuse settings that would break the engine's promises."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

QUEUE: dict[str, dict[str, Any]] = {
    "gallery.E001": {"orm": "other"},
    "gallery.E002": {"retry": 989},
    "gallery.E003": {"max_attempts": 3},
}


def problems() -> list[str]:
    return [str(message.id) for message in run_checks() if str(message.id).startswith("gallery.")]


def test_default_settings_pass() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("problem", "changes"),
    [
        *QUEUE.items(),
        ("gallery.E003", {"ack_failures": False}),
        ("gallery.E008", {"recycle": 500}),
        ("gallery.E002", {"timeout": 600}),
        ("gallery.E002", {"workers": 1, "queue_limit": 8}),
    ],
)
def test_unsafe_queue_setting_is_reported(settings: Any, problem: str, changes: dict[str, Any]) -> None:
    settings.Q_CLUSTER = settings.Q_CLUSTER | changes
    assert problems() == [problem]


def test_missing_queue_settings_are_reported(settings: Any) -> None:
    settings.Q_CLUSTER = {"name": "lemonstudio"}
    assert {"gallery.E001", "gallery.E003"} <= set(problems())


def sqlite(**changes: Any) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    } | changes


@pytest.mark.parametrize(
    ("database", "found"),
    [
        (sqlite(), []),
        (sqlite(OPTIONS={"transaction_mode": "DEFERRED", "timeout": 20}), ["gallery.E004"]),
        (sqlite(OPTIONS={"transaction_mode": "IMMEDIATE", "timeout": 5}), ["gallery.E004"]),
        (sqlite(OPTIONS={"transaction_mode": "IMMEDIATE"}), ["gallery.E004"]),
        (sqlite(OPTIONS={}), ["gallery.E004"]),
        (sqlite(ATOMIC_REQUESTS=True), ["gallery.E005"]),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_unsafe_database_setting_is_reported(settings: Any, database: dict[str, Any], found: list[str]) -> None:
    settings.DATABASES = {"default": database}
    assert problems() == found


@pytest.mark.parametrize("rate", [0, -1])
def test_rate_limit_without_requests_is_reported(settings: Any, rate: int) -> None:
    settings.LEMONSTUDIO_REQUESTS_PER_MINUTE = rate
    assert problems() == ["gallery.E006"]


def test_data_that_others_can_open_is_reported(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    database = tmp_path / "studio.sqlite3"
    database.touch(mode=0o600)
    assert problems() == []
    database.chmod(0o604)
    tmp_path.chmod(0o701)
    assert problems() == ["gallery.W001", "gallery.W001"]


def test_problem_stops_a_command_with_advice(settings: Any) -> None:
    settings.Q_CLUSTER = settings.Q_CLUSTER | {"max_attempts": 0}
    with pytest.raises(SystemCheckError, match="Set Q_CLUSTER's max_attempts to 1"):
        call_command("check")
