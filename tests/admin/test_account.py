"""Administrators pause and resume the upstream account with buttons."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gallery.models import Generation, Person, State, UpstreamAccount
from tests.conftest import signed_in

MakeGeneration = Callable[..., Generation]
PAGE = "admin:gallery_upstreamaccount_changelist"


def post(client: Client, button: str, **fields: str) -> str:
    response = client.post(reverse(f"admin:gallery_upstreamaccount_{button}"), fields, follow=True)
    assert response.redirect_chain == [(reverse(PAGE), 302)]
    return response.content.decode()


def logged() -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]


def test_pause_is_told_to_people_and_logged(as_administrator: Client, as_owner: Client) -> None:
    assert "Nothing more is sent." in post(as_administrator, "pause", reason="The budget is being checked.")
    text = as_owner.get(reverse("create")).content.decode()
    assert "Ada Administrator paused it: The budget is being checked." in text
    assert "It goes on when an administrator resumes it." in text
    assert "continue automatically" not in text
    assert logged() == ["Paused. The budget is being checked."]


def test_resume_lets_the_queue_go_on(as_administrator: Client) -> None:
    post(as_administrator, "pause")
    assert "The queue goes on." in post(as_administrator, "resume")
    assert not UpstreamAccount.load().is_paused
    assert logged() == ["Paused.", "Resumed."]


def test_buttons_fit_the_state(as_administrator: Client) -> None:
    account = UpstreamAccount.load()
    pages = [reverse(PAGE), reverse("admin:gallery_upstreamaccount_change", args=[account.pk])]
    for page in pages:
        text = as_administrator.get(page).content.decode()
        assert (">Pause<" in text, ">Resume<" in text) == (True, False)
    post(as_administrator, "pause")
    for page in pages:
        text = as_administrator.get(page).content.decode()
        assert (">Pause<" in text, ">Resume<" in text) == (False, True)


def test_queued_rows_can_be_cancelled_during_the_pause(
    as_administrator: Client, make_generation: MakeGeneration
) -> None:
    queued = make_generation(prompt="An old wish", created_at=timezone.now() - timedelta(hours=1))
    post(as_administrator, "pause")
    later = make_generation()
    text = as_administrator.get(reverse(PAGE)).content.decode()
    assert "Queued when the pause began: 1" in text
    assert "An old wish" in text
    assert "Cancelled: 1." in post(as_administrator, "cancel_queued")
    states = dict(Generation.objects.values_list("pk", "state"))
    assert states == {queued.pk: State.CANCELLED, later.pk: State.QUEUED}
    assert UpstreamAccount.load().is_until_resumed


def test_buttons_need_a_post(as_administrator: Client) -> None:
    for button in ("pause", "resume", "cancel_queued"):
        assert as_administrator.get(reverse(f"admin:gallery_upstreamaccount_{button}")).status_code == 405
    assert not UpstreamAccount.load().is_paused


def test_buttons_need_the_permission(teammate: Person) -> None:
    teammate.is_staff = True
    teammate.save()
    teammate.user_permissions.add(Permission.objects.get(codename="view_upstreamaccount"))
    viewer = signed_in(teammate)
    assert ">Pause<" not in viewer.get(reverse(PAGE)).content.decode()
    for button in ("pause", "resume", "cancel_queued"):
        assert viewer.post(reverse(f"admin:gallery_upstreamaccount_{button}")).status_code == 403
    assert not UpstreamAccount.load().is_paused
