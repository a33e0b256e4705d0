"""Invitations: who may make them, what they give, and when they end."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from gallery import services, tasks
from gallery.engine import mail
from gallery.models import Gallery, Invitation, InvitationUse, Membership, Notice, Person, Role
from gallery.models.invitation import hash_of
from gallery.queries.roles import groups_to_give, may_invite
from tests.conftest import PASSWORD, signed_in

pytestmark = pytest.mark.database

FORM = {"name": "Nina Newcomer", "email": "Nina@Example.org", "password": PASSWORD}
WISH = {"role": Role.VIEWER, "max_uses": "1", "days": "7"}


def let_invite(person: Person) -> Person:
    person.user_permissions.add(Permission.objects.get(codename="add_invitation"))
    return Person.objects.get(pk=person.pk)


def stranger() -> Client:
    return Client()


@pytest.fixture
def inviter(owner: Person) -> Person:
    """The owner, who was given the right to invite."""
    return let_invite(owner)


@pytest.fixture
def into_gallery(inviter: Person, private_gallery: Gallery) -> str:
    """The address of an invitation for two, to contribute to the owner's gallery."""
    _, token = services.invitations.invite(inviter, gallery=private_gallery, role=Role.CONTRIBUTOR, max_uses=2)
    return f"/invitation/{token}/"


# -- permissions


def test_inviting_needs_a_permission(
    owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    assert may_invite(administrator)
    assert not may_invite(owner, private_gallery), "an account spends the team's money"
    assert may_invite(let_invite(owner), private_gallery)
    teammate = let_invite(teammate)
    assert may_invite(teammate)
    assert not may_invite(teammate, private_gallery)
    assert not may_invite(administrator, private_gallery)


def test_form_offers_only_what_the_person_may_give(
    owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    group = Group.objects.create(name="Design")
    client = signed_in(let_invite(teammate))
    form = client.get("/invitations/").context["form"]
    assert list(form.fields["gallery"].queryset) == []
    assert "groups" not in form.fields
    client.post("/invitations/new/", WISH | {"groups": group.pk})
    assert not Invitation.objects.get().groups.exists()
    Membership.objects.create(gallery=team_gallery, person=administrator, role=Role.MANAGER)
    form = signed_in(administrator).get(f"/invitations/?gallery={team_gallery.pk}").context["form"]
    assert list(form.fields["gallery"].queryset) == [team_gallery]
    assert list(form.fields["groups"].queryset) == [group]
    assert form.initial["gallery"] == team_gallery.pk


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_uses": "0"}, "max_uses"),
        ({"max_uses": "101"}, "max_uses"),
        ({"email": "nina@example.org", "max_uses": "2"}, "max_uses"),
        ({"email": "nina"}, "email"),
        ({"email": "Olivia@example.org"}, "email"),
        ({"days": "365"}, "days"),
        ({"role": "owner"}, "role"),
        ({"gallery": "team"}, "gallery"),
    ],
)
def test_invalid_form_says_what_is_wrong(
    changes: dict[str, str], field: str, inviter: Person, teammate: Person, as_administrator: Client
) -> None:
    if "gallery" in changes:
        changes = {"gallery": str(Gallery.objects.create(owner=teammate, name="Theirs", shared_with_team=True).pk)}
    answer = as_administrator.post("/invitations/new/", WISH | changes)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Invitation.objects.exists()


def test_person_cannot_give_a_group_with_more_rights(teammate: Person, administrator: Person) -> None:
    strong, weak = Group.objects.create(name="Strong"), Group.objects.create(name="Weak")
    strong.permissions.add(Permission.objects.get(codename="delete_gallery"))
    assert groups_to_give(administrator) == [strong, weak]
    teammate.user_permissions.add(Permission.objects.get(codename="change_person"))
    assert groups_to_give(Person.objects.get(pk=teammate.pk)) == []
    Person.objects.filter(pk=teammate.pk).update(is_staff=True)
    assert groups_to_give(Person.objects.get(pk=teammate.pk)) == [weak]


# -- the link


def test_link_is_shown_once_and_stored_as_a_hash(inviter: Person, private_gallery: Gallery) -> None:
    client = signed_in(inviter)
    answer = client.post("/invitations/new/", WISH | {"gallery": private_gallery.pk, "max_uses": "3"})
    (token,) = re.findall(r"http://testserver/invitation/([\w-]{43})/", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    invitation = Invitation.objects.get()
    assert invitation.token_hash == hash_of(token)
    assert (invitation.gallery, invitation.max_uses, invitation.created_by) == (private_gallery, 3, inviter)
    assert timedelta(days=6.9) < invitation.expires_at - timezone.now() <= timedelta(days=7)
    listed = client.get("/invitations/").content.decode()
    assert token not in listed
    assert "0 of 3 used" in listed
    assert stranger().get(f"/invitation/{token}/").status_code == 200


def test_unknown_link_is_not_found(into_gallery: str) -> None:
    address = into_gallery[:-2] + ("A" if into_gallery[-2] != "A" else "B") + "/"
    assert stranger().get(address).status_code == 404
    assert stranger().post(address, FORM).status_code == 404


# -- a new account


def test_invitation_makes_an_account_and_leads_to_the_gallery(
    into_gallery: str, owner: Person, private_gallery: Gallery
) -> None:
    client = stranger()
    page = client.get(into_gallery).content.decode()
    assert "Olivia Owner invites you" in page
    assert "“Sketches”" in page
    answer = client.post(into_gallery, FORM, follow=True)
    assert answer.redirect_chain == [(f"/galleries/{private_gallery.pk}/", 302)]
    nina = Person.objects.get(email="nina@example.org")
    assert answer.context["user"] == nina
    assert nina.check_password(PASSWORD)
    assert (nina.is_staff, nina.is_superuser, list(nina.user_permissions.all())) == (False, False, [])
    assert Membership.objects.get().role == Role.CONTRIBUTOR
    assert Invitation.objects.get().uses == 1
    listed = signed_in(owner).get("/invitations/").content.decode()
    assert "Nina Newcomer" in listed
    assert "1 of 2 used" in listed
    assert str(Notice.objects.get(person=owner)) == "Nina Newcomer joined by your invitation"


def test_person_who_used_the_link_is_sent_to_the_gallery(into_gallery: str, private_gallery: Gallery) -> None:
    client = stranger()
    client.post(into_gallery, FORM)
    Invitation.objects.update(max_uses=1)
    assert client.get(into_gallery)["Location"] == f"/galleries/{private_gallery.pk}/"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "lemons7"}, "password"),
        ({"password": "4815162342"}, "password"),
        ({"email": "olivia@example.org"}, "email"),
        ({"email": "OLIVIA@example.org"}, "email"),
        ({"name": " "}, "name"),
    ],
)
def test_invalid_form_does_not_use_up_the_invitation(changes: dict[str, str], field: str, into_gallery: str) -> None:
    answer = stranger().post(into_gallery, FORM | changes)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert Person.objects.count() == 1
    assert Invitation.objects.get().uses == 0


def test_link_tells_of_few_e_mails_whether_they_have_an_account(into_gallery: str, teammate: Person) -> None:
    """Neither a known nor an unknown one is answered then; another address still may."""
    for _ in range(services.sign_in.MOST_ARRIVALS - 1):
        services.sign_in.begin_arrival(Invitation.objects.get(), "127.0.0.1")
    answers = [stranger().post(into_gallery, FORM | {"email": teammate.email}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]
    assert "This e-mail has an account already." in answers[0].content.decode()
    assert "has an account already" not in answers[1].content.decode()
    assert stranger().post(into_gallery, FORM).status_code == 429
    assert stranger().post(into_gallery, FORM, REMOTE_ADDR="192.0.2.7").status_code == 302
    assert Person.objects.filter(email="nina@example.org").exists()


def test_invitation_for_an_address_makes_that_account_only(inviter: Person) -> None:
    invitation, token = services.invitations.invite(inviter, email="Eve@example.org", max_uses=7)
    assert invitation.max_uses == 1
    assert 'value="eve@example.org"' in stranger().get(f"/invitation/{token}/").content.decode()
    stranger().post(f"/invitation/{token}/", FORM | {"email": "mallory@example.org"})
    assert Person.objects.exclude(pk=inviter.pk).get().email == "eve@example.org"


def test_invitation_gives_groups(administrator: Person) -> None:
    group = Group.objects.create(name="Design")
    _, token = services.invitations.invite(administrator, groups=[group])
    stranger().post(f"/invitation/{token}/", FORM)
    assert list(Person.objects.get(name="Nina Newcomer").groups.all()) == [group]


# -- ended


def revoke(invitation: Invitation) -> None:
    assert signed_in(invitation.created_by).post(f"/invitations/{invitation.pk}/revoke/").status_code == 302


OVER = {
    "revoked": ("It has been withdrawn. Ask Olivia Owner", revoke),
    "expired": (
        "It worked until",
        lambda one: Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
    ),
    "used_up": ("It has been used as often as it allows", lambda one: Invitation.objects.update(uses=2)),
    "no_right": ("cannot let anyone in any more", lambda one: one.created_by.user_permissions.clear()),
    "switched_off": ("Ask an administrator", lambda one: Person.objects.update(is_active=False)),
}


@pytest.mark.parametrize("how", OVER)
def test_ended_invitation_says_why_and_makes_no_account(how: str, into_gallery: str, teammate: Person) -> None:
    said, end = OVER[how]
    end(Invitation.objects.get())
    Person.objects.filter(pk=teammate.pk).update(is_active=True)
    people = Person.objects.count()
    uses = Invitation.objects.get().uses
    for client in (stranger(), signed_in(teammate)):
        for answer in (client.get(into_gallery), client.post(into_gallery, FORM)):
            assert answer.status_code == 410
            assert said in " ".join(answer.content.decode().split())
    assert Person.objects.count() == people
    assert not Membership.objects.exists()
    assert Invitation.objects.get().uses == uses


@pytest.mark.parametrize("how", ["gallery deleted", "no manager any more"])
def test_invitation_gives_no_more_than_its_sender_may_give_now(how: str, teammate: Person, owner: Person) -> None:
    sender = let_invite(teammate)
    gallery = Gallery.objects.create(owner=owner, name="Wall")
    member = Membership.objects.create(gallery=gallery, person=sender, role=Role.MANAGER)
    _, token = services.invitations.invite(sender, gallery=gallery, role=Role.MANAGER)
    if how == "gallery deleted":
        gallery.delete()
    else:
        services.galleries.change_role(member, Role.CONTRIBUTOR, by=owner)
    page = stranger().get(f"/invitation/{token}/").content.decode()
    assert "Wall" not in page
    answer = stranger().post(f"/invitation/{token}/", FORM)
    assert answer["Location"] == "/"
    assert not Membership.objects.filter(person__name="Nina Newcomer").exists()


def test_groups_that_the_sender_may_no_longer_give_are_left_out(administrator: Person) -> None:
    group = Group.objects.create(name="Design")
    _, token = services.invitations.invite(administrator, groups=[group])
    Person.objects.filter(pk=administrator.pk).update(is_superuser=False)
    let_invite(administrator)
    stranger().post(f"/invitation/{token}/", FORM)
    assert not Person.objects.get(name="Nina Newcomer").groups.exists()


# -- people with an account


def test_person_with_an_account_joins_by_a_click(
    into_gallery: str, as_teammate: Client, teammate: Person, private_gallery: Gallery
) -> None:
    assert "Become a member" in as_teammate.get(into_gallery).content.decode()
    assert not Membership.objects.exists(), "opening the page changes nothing"
    people = Person.objects.count()
    assert as_teammate.post(into_gallery)["Location"] == f"/galleries/{private_gallery.pk}/"
    assert Person.objects.count() == people
    member = Membership.objects.get()
    assert (member.person, member.role) == (teammate, Role.CONTRIBUTOR)
    use = InvitationUse.objects.get()
    assert (use.person, use.made_account) == (teammate, False)


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.MANAGER])
def test_member_keeps_their_role_and_uses_nothing_up(
    role: str, into_gallery: str, as_teammate: Client, as_owner: Client, teammate: Person, private_gallery: Gallery
) -> None:
    Membership.objects.create(gallery=private_gallery, person=teammate, role=role)
    for client in (as_teammate, as_owner):
        assert client.post(into_gallery)["Location"] == f"/galleries/{private_gallery.pk}/"
    assert Membership.objects.get().role == role
    assert Invitation.objects.get().uses == 0


def test_removed_member_cannot_come_back_by_the_link(
    into_gallery: str, as_teammate: Client, owner: Person, as_administrator: Client
) -> None:
    as_teammate.post(into_gallery)
    services.galleries.remove_member(Membership.objects.get(), by=owner)
    for answer in (as_teammate.get(into_gallery), as_teammate.post(into_gallery)):
        assert answer.status_code == 410
        assert "You have come by it before" in answer.content.decode()
    assert not Membership.objects.exists()
    assert as_administrator.post(into_gallery).status_code == 302


def test_viewer_gets_the_higher_role_of_the_invitation(
    into_gallery: str, as_teammate: Client, teammate: Person, private_gallery: Gallery
) -> None:
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.VIEWER)
    as_teammate.post(into_gallery)
    assert Membership.objects.get().role == Role.CONTRIBUTOR


def test_invitation_for_another_address_is_refused(
    inviter: Person, as_teammate: Client, private_gallery: Gallery
) -> None:
    _, token = services.invitations.invite(inviter, email="eve@example.org", gallery=private_gallery)
    assert "for eve@example.org only" in as_teammate.get(f"/invitation/{token}/").content.decode()
    assert as_teammate.post(f"/invitation/{token}/").status_code == 404
    assert not Membership.objects.exists()


# -- the list


def test_person_withdraws_own_invitations_and_administrator_all(
    into_gallery: str, owner: Person, teammate: Person, as_administrator: Client
) -> None:
    invitation = Invitation.objects.get()
    other = signed_in(let_invite(teammate))
    assert list(other.get("/invitations/").context["invitations"]) == []
    assert other.post(f"/invitations/{invitation.pk}/revoke/").status_code == 404
    assert "by Olivia Owner" in as_administrator.get("/invitations/").content.decode()
    as_administrator.post(f"/invitations/{invitation.pk}/revoke/")
    answer = signed_in(owner).get("/invitations/")
    assert list(answer.context["invitations"]) == []
    assert list(answer.context["over"]) == [invitation]


def test_query_count_does_not_grow_with_invitations(inviter: Person, private_gallery: Gallery) -> None:
    client = signed_in(inviter)

    def invited(number: int) -> None:
        invitation, _ = services.invitations.invite(inviter, gallery=private_gallery, max_uses=9)
        for one in range(2):
            services.invitations.join(invitation, name="X", email=f"x{number}-{one}@example.org", password=PASSWORD)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/invitations/")
        return len(captured)

    invited(0)
    with_one = queries()
    for number in range(1, 12):
        invited(number)
    assert queries() == with_one


# -- by e-mail


@pytest.fixture
def mailed(inviter: Person, private_gallery: Gallery, settings: Any) -> Invitation:
    """An invitation that the studio sends by e-mail."""
    settings.LEMONSTUDIO_SENDS_MAIL = True
    form = WISH | {"email": "nina@example.org", "gallery": private_gallery.pk}
    answer = signed_in(inviter).post("/invitations/new/", form, follow=True)
    assert "goes to nina@example.org" in answer.content.decode()
    return Invitation.objects.get()


def test_invitation_is_mailed_and_its_token_is_not_stored(mailed: Invitation) -> None:
    (message,) = OrmQ.objects.all()
    assert message.task["func"] == "gallery.tasks.invitation"
    assert message.task["args"] == (mailed.pk, "http://testserver/", "en")
    tasks.invitation(*message.task["args"])
    tasks.invitation(*message.task["args"])
    (letter,) = outbox.outbox
    assert letter.to == ["nina@example.org"]
    (address,) = re.findall(r"http://testserver(/invitation/[\w-]{43}/)", str(letter.body))
    assert stranger().post(address, FORM).status_code == 302
    assert Person.objects.get(name="Nina Newcomer").email == "nina@example.org"


def test_failed_mail_is_reported(mailed: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise SMTPException("550 no such mailbox")

    monkeypatch.setattr(mail, "send_mail", refuse)
    assert not mail.send_invitation(mailed.pk, "http://testserver/")
    assert "550 no such mailbox" in signed_in(mailed.created_by).get("/invitations/").content.decode()


def test_unexpected_mail_error_is_reported_too(mailed: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> int:
        raise ValueError("Header values may not contain line ends")

    monkeypatch.setattr(mail, "send_mail", fail)
    with pytest.raises(ValueError, match="line ends"):
        mail.send_invitation(mailed.pk, "http://testserver/")
    mailed.refresh_from_db()
    assert (mailed.mailed_at, mailed.mail_problem) == (None, "Header values may not contain line ends")


def test_withdrawn_invitation_is_not_mailed(mailed: Invitation) -> None:
    mailed.revoke()
    assert not mail.send_invitation(mailed.pk, "http://testserver/")
    assert outbox.outbox == []


# -- twenty at once


def at_once(times: int, do: Callable[[int], None]) -> None:
    start = threading.Barrier(times)

    def run(number: int) -> None:
        start.wait()
        try:
            do(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("uses", [1, 3])
def test_people_at_once_cannot_exceed_the_uses(
    uses: int, django_db_serialized_rollback: None, transactional_db: None, inviter: Person
) -> None:
    _, token = services.invitations.invite(inviter, max_uses=uses)
    answers: list[int] = []

    def ask(number: int) -> None:
        form = FORM | {"email": f"nina{number}@example.org"}
        answers.append(stranger().post(f"/invitation/{token}/", form).status_code)

    at_once(20, ask)
    assert sorted(answers) == [302] * uses + [410] * (20 - uses)
    assert Person.objects.filter(name="Nina Newcomer").count() == uses
    assert Invitation.objects.get().uses == InvitationUse.objects.count() == uses


def test_clicks_at_once_make_one_membership(
    django_db_serialized_rollback: None, transactional_db: None, into_gallery: str, teammate: Person
) -> None:
    answers: list[int] = []
    at_once(5, lambda number: answers.append(signed_in(teammate).post(into_gallery).status_code))
    assert answers == [302] * 5
    assert Membership.objects.get().person == teammate
    assert Invitation.objects.get().uses == 1


def test_same_address_at_once_makes_one_account(
    django_db_serialized_rollback: None, transactional_db: None, inviter: Person
) -> None:
    invitation, _ = services.invitations.invite(inviter, max_uses=5)
    ends: list[str] = []

    def join(number: int) -> None:
        try:
            services.invitations.join(invitation, name="Nina Newcomer", email="nina@example.org", password=PASSWORD)
            ends.append("made")
        except services.invitations.EmailTaken:
            ends.append("taken")

    at_once(5, join)
    assert sorted(ends) == ["made"] + ["taken"] * 4
    assert Invitation.objects.get().uses == 1, "refused people use nothing up"


# -- many at once

LIST = """
Ann Adams <ann@example.org>, BEN@example.org; olivia@example.org
no address
ann@example.org
waits@example.org
"""


def test_pasted_list_says_of_each_address_what_became_of_it(
    as_administrator: Client, administrator: Person, owner: Person
) -> None:
    services.invitations.invite(administrator, email="waits@example.org")
    painters = Group.objects.create(name="Painters")
    answer = as_administrator.post("/invitations/many/", {"addresses": LIST, "days": "30", "groups": [painters.pk]})
    told = [(one.text, one.outcome.value, bool(link)) for one, link in answer.context["rows"]]
    assert told == [
        ("ann@example.org", "invited", True),
        ("ben@example.org", "invited", True),
        ("olivia@example.org", "here", False),
        ("no address", "invalid", False),
        ("ann@example.org", "twice", False),
        ("waits@example.org", "waiting", False),
    ]
    assert "2 people are invited" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    link = answer.context["rows"][1][1]
    Client().post(link, {"name": "Ben", "email": "ben@example.org", "password": PASSWORD})
    assert list(Person.objects.get(email="ben@example.org").groups.all()) == [painters]


def test_pasted_list_is_mailed_where_the_studio_mails(as_administrator: Client, settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True
    answer = as_administrator.post("/invitations/many/", {"addresses": "ann@example.org\nben@example.org", "days": "7"})
    assert [link for _, link in answer.context["rows"]] == ["", ""]
    assert OrmQ.objects.count() == 2


def test_pasted_list_is_bounded(as_administrator: Client) -> None:
    many = "\n".join(f"person{number}@example.org" for number in range(201))
    answer = as_administrator.post("/invitations/many/", {"addresses": many, "days": "7"})
    assert answer.status_code == 422
    assert "These are 201 addresses" in answer.content.decode()
    assert not Invitation.objects.exists()


def test_groups_of_a_pasted_list_are_those_to_give(inviter: Person) -> None:
    painters = Group.objects.create(name="Painters")
    form = {"addresses": "ann@example.org", "days": "7", "groups": [painters.pk]}
    answer = signed_in(inviter).post("/invitations/many/", form)
    assert answer.status_code == 200
    assert not Invitation.objects.get().groups.exists()
