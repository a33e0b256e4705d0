"""A person is erased for good: what goes, what stays, and that the ledger adds up."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from gallery import services, tasks
from gallery.engine import housekeeping
from gallery.models import (
    Activity,
    AuditEntry,
    Budget,
    Comment,
    Gallery,
    Generation,
    LedgerEntry,
    Mark,
    Membership,
    Person,
    Picture,
    PromptTemplate,
    State,
)
from gallery.services.erasure import Choices, erase
from gallery.services.errors import InvalidInput
from tests.conftest import model, png, put

pytestmark = pytest.mark.database
Make = Callable[..., Any]


@pytest.fixture
def paid(owner: Person, make_picture: Make) -> Picture:
    """A picture of Olivia's that was asked for, delivered and booked."""
    generation = services.generations.submit(owner, model=model(), prompt="A secret lemon", options={}, count=1)
    generation.claim(fence=1)
    generation.deliver(
        [{"url": "https://x.example/a.png", "revised_prompt": "A very secret lemon"}], fetch_by=timezone.now()
    )
    Generation.objects.get(pk=generation.pk).complete(generation.estimated_cost)
    picture: Picture = make_picture(Generation.objects.get(pk=generation.pk))
    Picture.objects.filter(pk=picture.pk).update(revised_prompt="A very secret lemon")
    Picture.refresh_search_text([picture.pk])
    return picture


def check_ledger() -> str:
    out = io.StringIO()
    call_command("check_ledger", stdout=out)
    return out.getvalue()


def finish(person: Person) -> None:
    """What the background tasks do next."""
    tasks.forget(person.pk)
    tasks.refresh_search(person.pk)


def test_ledger_adds_up_after_an_erasure(paid: Picture, owner: Person, administrator: Person) -> None:
    spent = LedgerEntry.objects.total()
    assert spent > 0
    queued = services.generations.submit(owner, model=model(), prompt="Another", options={}, count=1)
    erase(owner, administrator, Choices())
    finish(owner)
    assert LedgerEntry.objects.total() == spent
    assert LedgerEntry.objects.filter(person=owner).exists()
    assert Generation.objects.get(pk=queued.pk).state == State.CANCELLED
    assert check_ledger() == "The ledger adds up.\n"


def test_nothing_tells_who_it_was(
    paid: Picture, owner: Person, teammate: Person, administrator: Person, as_owner: Client, private_gallery: Gallery
) -> None:
    owner.groups.add(Group.objects.create(name="Painters"))
    EmailAddress.objects.create(user=owner, email=owner.email)
    Budget.objects.create(person=owner, amount=5)
    Mark.objects.create(person=owner, picture=paid, favourite=True)
    put(paid, private_gallery)
    services.galleries.add_member(private_gallery, teammate, "manager", by=owner)
    gallery = Gallery.objects.create(owner=teammate, name="Theirs")
    services.galleries.add_member(gallery, owner, "viewer", by=teammate)
    erase(owner, administrator, Choices(), to=teammate)
    finish(owner)
    owner = Person.objects.get(pk=owner.pk)
    assert str(owner) == f"Former member {owner.pk}"
    assert owner.email == f"former-member-{owner.pk}@erased.invalid"
    assert (owner.is_active, owner.has_usable_password(), owner.groups.count()) == (False, False, 0)
    assert as_owner.get("/").status_code == 302
    for rows in (EmailAddress.objects, Budget.objects, Mark.objects):
        assert not rows.exists()
    assert not Membership.objects.filter(person=owner).exists()
    assert Gallery.objects.filter(owner=teammate).count() == 2
    assert not Activity.objects.filter(detail__contains="Olivia").exists()
    assert not AuditEntry.objects.filter(object_name__contains="Olivia").exists()
    assert not Picture.objects.filter(search_text__contains="olivia").exists()


def test_prompts_go_from_everywhere(paid: Picture, owner: Person, administrator: Person) -> None:
    PromptTemplate.objects.create(author=owner, name="Fruit", text="A secret {{fruit}}")
    erase(owner, administrator, Choices())
    finish(owner)
    paid.refresh_from_db()
    generation = paid.generation
    assert (generation.prompt, generation.results[0]["revised_prompt"], paid.revised_prompt) == ("", "", "")
    assert not Picture.objects.search("secret").exists()
    assert not PromptTemplate.objects.exists()
    assert services.erasure.unfinished() == []


def test_what_is_not_chosen_stays(
    paid: Picture, owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    put(paid, private_gallery)
    services.comments.comment(private_gallery, paid, "Lovely", author=owner)
    kept = Choices("hand_over", delete_prompts=False, delete_uploads=False, delete_comments=False)
    erase(owner, administrator, kept, to=teammate)
    finish(owner)
    assert Picture.objects.kept().get().author == teammate
    assert Picture.objects.search("secret lemon").exists()
    assert Comment.objects.get().who == f"Former member {owner.pk}"
    assert check_ledger() == "The ledger adds up.\n"


def test_pictures_in_the_trash_are_deleted_with_their_files(
    paid: Picture, owner: Person, administrator: Person
) -> None:
    erase(owner, administrator, Choices())
    assert not Picture.objects.kept().exists()
    Picture.objects.update(trashed_at=timezone.now() - timedelta(days=31))
    housekeeping.empty_trash()
    assert not Picture.objects.exists()
    assert not default_storage.exists(paid.original_name)
    assert LedgerEntry.objects.total() > 0


def test_uploads_are_deleted_with_the_person(
    owner: Person, administrator: Person, teammate: Person, make_picture: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = default_storage.save(f"uploads/{owner.pk}/{uuid4().hex}-64x48.png", ContentFile(png()))
    made = make_picture(kind=Generation.Kind.EDIT, source_file=name)
    brought = services.assets.add(owner, io.BytesIO(png()), "me.png")
    erase(owner, administrator, Choices("hand_over"), to=teammate)
    finish(owner)
    assert list(Picture.objects.visible_to(teammate)) == [made]
    assert list(Picture.objects.in_trash_of(owner)) == [brought]
    monkeypatch.setattr(housekeeping, "KEEP_UPLOADS", timedelta(0))
    housekeeping.delete_unused_uploads()
    assert not default_storage.exists(name)


def test_person_with_paid_work_on_its_way_is_not_erased(
    owner: Person, administrator: Person, make_generation: Make
) -> None:
    make_generation(state=State.PROCESSING, task_id="t1")
    with pytest.raises(InvalidInput, match="1 request of theirs is on its way"):
        erase(owner, administrator, Choices())
    assert Person.objects.get(pk=owner.pk).name == "Olivia Owner"


def test_erasure_cannot_lock_everyone_out(owner: Person, administrator: Person) -> None:
    with pytest.raises(InvalidInput, match="yourself"):
        erase(administrator, administrator, Choices())
    with pytest.raises(InvalidInput, match="only administrator"):
        erase(administrator, owner, Choices())
    with pytest.raises(InvalidInput, match="who gets the pictures"):
        erase(owner, administrator, Choices("hand_over"))


def test_erased_account_stays_off(owner: Person, administrator: Person) -> None:
    erase(owner, administrator, Choices())
    with pytest.raises(InvalidInput, match="erased"):
        services.leavers.switch_on(owner)
