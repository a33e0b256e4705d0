"""Administrators hear of a paused account by e-mail, once, where the studio was told how to send any."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox
from django.utils import timezone

from gallery.engine import mail
from gallery.models import Person, UpstreamAccount

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sends_mail(settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True


def pause() -> None:
    UpstreamAccount.load()
    UpstreamAccount.pause(
        "insufficient_balance", "The balance is used up.", "Top it up.", seconds=30, balance_usd=Decimal("0.12")
    )


def test_only_administrators_are_told_why(administrator: Person, owner: Person) -> None:
    pause()
    assert mail.tell_of_pause() == 1
    (message,) = outbox.outbox
    assert message.to == [administrator.email]
    for said in ("The balance is used up.", "Top it up.", "$0.12", "insufficient_balance"):
        assert said in message.body


def test_mail_links_to_the_studio_if_its_address_is_known(administrator: Person, settings: Any) -> None:
    pause()
    mail.tell_of_pause()
    settings.LEMONSTUDIO_URL = "https://studio.example.org"
    UpstreamAccount.objects.update(told_at=None)
    mail.tell_of_pause()
    without, with_link = (message.body for message in outbox.outbox)
    assert "page" not in without
    assert "https://studio.example.org/admin/gallery/upstreamaccount/" in with_link


def test_pause_by_hand_needs_no_mail(administrator: Person) -> None:
    UpstreamAccount.pause_until_resumed("Ada paused it.")
    assert mail.tell_of_pause() == 0


def test_one_mail_an_hour(administrator: Person) -> None:
    pause()
    assert mail.tell_of_pause() == 1
    UpstreamAccount.resume()
    pause()
    assert mail.tell_of_pause() == 0
    UpstreamAccount.objects.update(told_at=timezone.now() - timedelta(minutes=61))
    assert mail.tell_of_pause() == 1


def test_nothing_is_said_of_a_pause_that_is_over(administrator: Person) -> None:
    pause()
    UpstreamAccount.resume()
    assert mail.tell_of_pause() == 0
    assert outbox.outbox == []


def test_nothing_is_sent_where_no_server_was_named(administrator: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = False
    pause()
    assert mail.tell_of_pause() == 0


def test_those_who_were_switched_off_hear_nothing(administrator: Person) -> None:
    administrator.is_active = False
    administrator.save()
    pause()
    assert mail.tell_of_pause() == 0


def test_each_administrator_reads_it_in_their_own_language(administrator: Person, owner: Person) -> None:
    Person.objects.filter(pk=owner.pk).update(is_staff=True, language="de")
    pause()
    assert mail.tell_of_pause() == 2
    subjects = {message.to[0]: message.subject for message in outbox.outbox}
    assert subjects == {administrator.email: "Lemon Studio is paused", owner.email: "Lemon Studio ist pausiert"}
    (german,) = (str(message.body) for message in outbox.outbox if message.to == [owner.email])
    assert "Das Guthaben beträgt 0,12 $." in german
