"""Administrators hear of what is wrong by mail and on a webhook: once, bounded, and again if that failed."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail as outbox
from django.utils import timezone

from gallery import tasks
from gallery.engine import alerts, webhook
from gallery.engine.fetch_address import FetchError
from gallery.management.worker_watch import WorkerWatch
from gallery.models import Alert, Budget, Person, UpstreamAccount
from gallery.models.alert import WAITS

pytestmark = [pytest.mark.django_db, pytest.mark.database]
SECRET = "a-secret-of-the-webhook"
KIND = Alert.Kind.LEDGER_WRONG


class Hook:
    """A webhook. `answers` are its next statuses; then it says 204."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((dict(self.headers), body))
                self.send_response(hook.answers.pop(0) if hook.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Not in the output of the tests."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def hook(settings: Any) -> Iterator[Hook]:
    hook = Hook()
    settings.LEMONSTUDIO_WEBHOOK_URL = f"{hook.origin}/hooks/s3cret"
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({hook.origin})
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def let_due() -> None:
    Alert.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=1))


def test_alert_is_told_once_to_each_administrator_and_to_the_webhook(
    hook: Hook, administrator: Person, owner: Person, settings: Any
) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True
    settings.LEMONSTUDIO_URL = "https://studio.example.org"
    assert alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    assert not alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 3 places.")
    for _ in range(2):
        tasks.deliver_alerts()
        let_due()
    (message,) = outbox.outbox
    assert (message.to, message.subject) == ([administrator.email], "Lemon Studio: The ledger is wrong")
    assert message.body == "In 2 places.\n\nhttps://studio.example.org"
    (document,) = hook.documents()
    alert = Alert.objects.get()
    assert document == {
        "event": "ledger_wrong",
        "subject": "Lemon Studio: The ledger is wrong",
        "text": "In 2 places.",
        "at": alert.created_at.isoformat(timespec="seconds"),
        "studio": "https://studio.example.org",
        "id": alert.pk,
    }
    assert (alert.due_at, alert.is_mailed, alert.is_posted) == (None, True, True)


def test_receiver_can_check_the_signature(hook: Hook, settings: Any) -> None:
    settings.LEMONSTUDIO_WEBHOOK_SECRET = SECRET
    alerts.raise_alert(KIND, "today", "The ledger is wrong", "Für alle.")
    alerts.deliver()
    ((headers, body),) = hook.got
    signed = headers["X-Lemonstudio-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Lemonstudio-Signature"] == f"sha256={expected}"
    assert headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("status", [500, 429, 404, 302])
def test_what_fails_is_tried_again_later_and_given_up_in_the_end(hook: Hook, status: int) -> None:
    """A redirect is no success, and is not followed."""
    hook.answers = [status] * 10
    alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    for number in range(1, len(WAITS) + 1):
        assert alerts.deliver() == 0
        alert = Alert.objects.get()
        assert alert.due_at is not None
        wait = (alert.due_at - timezone.now()).total_seconds()
        assert WAITS[number - 1] - 30 < wait <= WAITS[number - 1]
        assert alerts.deliver() == 0, "not before it is due"
        assert len(hook.got) == number
        let_due()
    alerts.deliver()
    alert = Alert.objects.get()
    assert (alert.due_at, alert.is_posted, alert.problem) == (None, False, f"Webhook: its host answered {status}")
    assert len(hook.got) == len(WAITS) + 1


def test_mail_is_not_sent_again_when_only_the_webhook_failed(hook: Hook, administrator: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True
    hook.answers = [500]
    alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    assert alerts.deliver() == 0
    let_due()
    assert alerts.deliver() == 1
    assert len(outbox.outbox) == 1
    assert len(hook.got) == 2


def test_webhook_in_the_own_network_needs_trust(hook: Hook, settings: Any) -> None:
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset()
    alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    assert alerts.deliver() == 0
    assert "443" in Alert.objects.get().problem
    assert "s3cret" not in Alert.objects.get().problem
    with pytest.raises(FetchError, match="is not on the public internet"):
        webhook.post("http://169.254.169.254/latest/", {})
    assert hook.got == []


@pytest.mark.parametrize("kind", ["slack", "teams", "discord"])
def test_services_get_what_they_understand(kind: str) -> None:
    made = webhook.body_for(
        kind, event="budget_used", subject="A & B", text="<!channel> @everyone", at="", studio="", number=1
    )
    text = json.dumps(made)
    assert "A &" in text
    if kind == "slack":
        assert made == {"text": "*A &amp; B*\n&lt;!channel&gt; @everyone"}
    elif kind == "discord":
        assert made["allowed_mentions"] == {"parse": []}
    else:
        card = made["attachments"][0]["content"]
        assert card["type"] == "AdaptiveCard"
        assert [block["text"] for block in card["body"]] == ["A & B", "<!channel> @everyone"]


@pytest.mark.parametrize(("code", "kind"), [("insufficient_balance", "paused"), ("storage_full", "storage")])
def test_pause_is_told_to_the_webhook_without_any_mail(hook: Hook, code: str, kind: str) -> None:
    UpstreamAccount.load()
    if kind == "storage":
        UpstreamAccount.pause_for_storage(code, "There is no room left.", "", seconds=5)
    else:
        UpstreamAccount.pause(code, "The balance is used up.", "", seconds=30, balance_usd=Decimal("0.1"))
    tasks.pause_notice()
    tasks.pause_notice()
    alerts.deliver()
    (document,) = hook.documents()
    assert document["event"] == kind


def test_budget_that_is_used_up_is_told_once_a_month(hook: Hook, owner: Person) -> None:
    Budget.objects.create(person=owner, amount=0)
    Budget.objects.create(group=Group.objects.create(name="Design"), amount=5)
    for _ in range(2):
        alerts.look_at_budgets()
        alerts.deliver()
    (document,) = hook.documents()
    assert document["event"] == "budget_used"
    assert "the budget of Olivia Owner" in document["text"]


def test_ledger_that_is_right_is_nothing_to_tell(hook: Hook) -> None:
    alerts.look_at_ledger(0)
    assert not Alert.objects.exists()
    alerts.look_at_ledger(2)
    alerts.look_at_ledger(3)
    assert Alert.objects.get().subject == "The ledger is wrong"


def test_worker_that_is_gone_is_told_by_the_web_server(hook: Hook) -> None:
    watch = WorkerWatch(gone_seconds=0)
    UpstreamAccount.load()
    fence = UpstreamAccount.take_lease("worker", 60)
    assert fence
    assert watch.look()
    assert hook.got == []
    UpstreamAccount.release_lease("worker", fence)
    assert not watch.look()
    assert not watch.look()
    (document,) = hook.documents()
    assert document["event"] == "worker_gone"


def test_nothing_is_kept_if_there_is_no_way_to_tell_it() -> None:
    assert not alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    assert not Alert.objects.exists()


def test_two_processes_tell_an_alert_once(hook: Hook) -> None:
    alerts.raise_alert(KIND, "today", "The ledger is wrong", "In 2 places.")
    first, second = Alert.objects.get(), Alert.objects.get()
    assert first.claim()
    assert not second.claim()


def test_alert_is_mailed_in_the_language_of_each_administrator(
    hook: Hook, administrator: Person, owner: Person, settings: Any
) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True
    Person.objects.filter(pk=owner.pk).update(is_staff=True, language="de")
    alerts.look_at_ledger(2)
    alerts.deliver()
    assert {message.to[0]: message.subject for message in outbox.outbox} == {
        administrator.email: "Lemon Studio: The ledger is wrong",
        owner.email: "Lemon Studio: Das Kassenbuch stimmt nicht",
    }
    (document,) = hook.documents()
    assert document["subject"] == "Lemon Studio: The ledger is wrong"
