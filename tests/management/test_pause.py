"""`manage.py pause`, `resume` and `drain`: nothing more is sent, and what is on its way is finished."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from gallery.models import Generation, State, UpstreamAccount

MakeGeneration = Callable[..., Generation]


def run(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def account() -> UpstreamAccount:
    return UpstreamAccount.load()


def test_pause_says_who_and_why(db: None) -> None:
    assert "Paused. On their way: 0." in run("pause", "--reason", "An upgrade at noon.")
    assert (account().pause_code, account().pause_message) == (
        "paused_by_hand",
        "An operator paused it: An upgrade at noon.",
    )
    assert account().resume_at is None


def test_only_a_resume_ends_a_pause_by_hand(db: None) -> None:
    run("pause")
    UpstreamAccount.pause("insufficient_balance", "Empty.", "", seconds=20, balance_usd=Decimal("0.42"))
    UpstreamAccount.end_pause()
    assert (account().pause_code, account().balance_usd) == ("paused_by_hand", Decimal("0.42"))
    assert "The queue goes on." in run("resume")
    assert not account().is_paused


def test_pause_by_hand_takes_the_place_of_another(db: None) -> None:
    account()
    UpstreamAccount.pause("rate_limit_exceeded", "Slowly.", "", seconds=600)
    run("pause")
    UpstreamAccount.end_pause()
    assert (account().pause_code, account().seconds_paused) == ("paused_by_hand", 0)


def test_resume_can_cancel_what_was_queued_before(make_generation: MakeGeneration) -> None:
    before = make_generation(created_at=timezone.now() - timedelta(hours=1))
    sent = make_generation(state=State.PROCESSING, created_at=timezone.now() - timedelta(hours=1))
    run("pause")
    after = make_generation()
    assert "Cancelled: 1." in run("resume", "--cancel-queued")
    states = dict(Generation.objects.values_list("pk", "state"))
    assert states == {before.pk: State.CANCELLED, sent.pk: State.PROCESSING, after.pk: State.QUEUED}


def test_drain_waits_until_nothing_is_on_its_way(
    django_db_serialized_rollback: None, transactional_db: None, make_generation: MakeGeneration
) -> None:
    generation = make_generation(state=State.SUBMITTING)

    def end() -> None:
        Generation.objects.get(pk=generation.pk).deliver([{"url": ""}], fetch_by=timezone.now())
        connection.close()

    threading.Timer(1.0, end).start()
    said = run("drain", "--timeout", "20")
    assert said.splitlines()[0] == "On their way: 1."
    assert "Nothing is on its way." in said
    assert account().is_until_resumed


def test_drain_gives_up_in_time(make_generation: MakeGeneration) -> None:
    make_generation(state=State.SUBMITTING)
    with pytest.raises(CommandError, match=r"Still on their way after 0 s: 1\. No worker is running\."):
        run("drain", "--timeout", "0.2")
    assert account().is_until_resumed
