"""A person leaves: what is theirs is cancelled, ended and handed over, and they are switched off."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import (
    Activity,
    AuditEntry,
    Gallery,
    Generation,
    LedgerEntry,
    Membership,
    Notice,
    Person,
    Picture,
    PromptTemplate,
    Role,
    ShareLink,
    State,
)
from gallery.queries.ledger import discrepancies
from gallery.queries.people import belongings
from gallery.services.errors import InvalidInput
from tests.conftest import model


@pytest.fixture
def queued(owner: Person) -> list[Generation]:
    """Three requests that are paid for once they are sent."""
    return [
        services.generations.submit(owner, model=model(), prompt=f"Lemon {number}", options={}, count=1)
        for number in range(3)
    ]


def make_link(gallery: Gallery, by: Person) -> ShareLink:
    settings = {"label": "A client", "expires_at": timezone.now() + timedelta(days=1)}
    return services.share_links.make_link(gallery, by, settings)[0]


def test_person_who_is_switched_off_pays_nothing_more(
    queued: list[Generation], owner: Person, administrator: Person
) -> None:
    assert LedgerEntry.objects.total() > 0
    sent = queued[0]
    assert sent.claim(fence=1)
    assert services.leavers.switch_off(owner, administrator) == 2
    assert [one.state for one in Generation.objects.order_by("pk")] == ["submitting", "cancelled", "cancelled"]
    assert LedgerEntry.objects.total() == sent.booked
    assert list(discrepancies()) == []
    assert AuditEntry.objects.filter(note="Cancelled 2 queued requests.").exists()


def test_person_who_is_switched_off_in_django_admin_pays_nothing_more(
    queued: list[Generation], owner: Person, as_administrator: Client
) -> None:
    form = {"name": owner.name, "email": owner.email, "budget-TOTAL_FORMS": 0, "budget-INITIAL_FORMS": 0}
    answer = as_administrator.post(f"/admin/gallery/person/{owner.pk}/change/", form)
    assert answer.status_code == 302
    assert not Person.objects.get(pk=owner.pk).is_active
    assert set(Generation.objects.values_list("state", flat=True)) == {State.CANCELLED}


def test_nothing_is_sent_for_a_person_who_is_off(queued: list[Generation], owner: Person) -> None:
    assert len(Generation.objects.next_fairly(10)) == 3
    Person.objects.filter(pk=owner.pk).update(is_active=False)
    assert Generation.objects.next_fairly(10) == []
    services.leavers.cancel_for_those_switched_off()
    assert not Generation.objects.under_way().exists()


def test_only_administrator_stays(administrator: Person, owner: Person) -> None:
    with pytest.raises(InvalidInput, match="yourself"):
        services.leavers.switch_off(administrator, administrator)
    with pytest.raises(InvalidInput, match="only administrator"):
        services.leavers.switch_off(administrator, owner)
    Person.objects.create_superuser("ida@example.org", name="Ida")
    services.leavers.switch_off(administrator, owner)
    assert not administrator.is_active


def test_gallery_is_handed_over_with_its_members(
    owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    Gallery.objects.create(owner=teammate, name="Sketches")
    viewer = Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.VIEWER)
    assert services.leavers.hand_over_galleries(owner, teammate, administrator) == 1
    private_gallery.refresh_from_db()
    assert (private_gallery.owner, private_gallery.name) == (teammate, "Sketches (Olivia Owner)")
    assert not Membership.objects.filter(pk=viewer.pk).exists()
    line = Activity.objects.get(gallery=private_gallery)
    assert str(line) == "Ada Administrator made Tom Teammate the owner"
    assert Notice.objects.get(person=teammate).gallery == private_gallery


def test_nothing_is_handed_to_a_person_who_is_off(owner: Person, teammate: Person, administrator: Person) -> None:
    Person.objects.filter(pk=teammate.pk).update(is_active=False)
    for to in (owner, Person.objects.get(pk=teammate.pk)):
        with pytest.raises(InvalidInput):
            services.leavers.hand_over_galleries(owner, to, administrator)


def test_leaving_does_everything_at_once(
    queued: list[Generation], owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    link = make_link(private_gallery, owner)
    invitation, _ = services.invitations.invite(owner)
    PromptTemplate.objects.create(author=owner, name="Fruit", text="A {{fruit}}")
    left = services.leavers.leave(owner, administrator, teammate)
    assert services.leavers.in_words(left) == [
        "3 requests were cancelled.",
        "1 share link was ended.",
        "1 invitation was withdrawn.",
        "1 gallery was handed over.",
        "1 template was handed over.",
    ]
    link.refresh_from_db()
    invitation.refresh_from_db()
    assert (link.is_alive, invitation.end) == (False, "revoked")
    assert PromptTemplate.objects.get().author == teammate
    assert not belongings(owner).is_to_do


def test_pictures_are_handed_over_and_the_ledger_stays_right(
    make_picture: Callable[..., Picture], owner: Person, teammate: Person
) -> None:
    kept, trashed = make_picture(), make_picture()
    services.trash.trash(owner, [trashed.pk])
    assert services.leavers.hand_over_pictures(owner, teammate) == 1
    assert Picture.objects.visible_to(teammate).get() == kept
    assert Picture.objects.in_trash_of(owner).get() == trashed
    assert Generation.objects.filter(author=owner).count() == 2
    assert list(discrepancies()) == []


def test_gallery_with_another_active_manager_is_not_alone(
    owner: Person, teammate: Person, team_gallery: Gallery, private_gallery: Gallery
) -> None:
    painters = Group.objects.create(name="Painters")
    owner.groups.add(painters)
    # The owner alone in the group does not count.
    Membership.objects.create(gallery=private_gallery, group=painters, role=Role.MANAGER)
    Membership.objects.create(gallery=team_gallery, person=teammate, role=Role.MANAGER)
    assert belongings(owner).alone == 1
    teammate.groups.add(painters)
    assert belongings(owner).alone == 0
    Person.objects.filter(pk=teammate.pk).update(is_active=False)
    assert belongings(owner).alone == 2
