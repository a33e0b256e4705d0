"""The studio's settings: each switch saves at once with Undo, within the rights of Django's administration."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services, tasks
from gallery.models import (
    AuditEntry,
    Budget,
    Gallery,
    Generation,
    GroupLimit,
    ImageModel,
    MediaCheck,
    Person,
    Picture,
    Retention,
    ShareLink,
    State,
    UpstreamAccount,
)
from tests.conftest import model, signed_in

pytestmark = pytest.mark.database
Make = Callable[..., Any]
HTMX = {"HX-Request": "true"}
PAGES = ["", "people/", "groups/", "models/", "budgets/", "galleries/", "links/", "jobs/", "storage/"]


def clerk_with(*rights: str) -> tuple[Person, Client]:
    clerk = Person.objects.create_user("clara@example.org", None, name="Clara Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    assert clerk.user_permissions.count() == len(rights)
    return clerk, signed_in(clerk)


def undo_of(page: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the form that takes the change back."""
    form = page[page.index('class="undo"') :].partition("</form>")[0]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    fields.pop("csrfmiddlewaretoken")
    action = re.search(r'action="([^"]+)"', form)
    assert action is not None
    return action[1], fields


def change(client: Client, address: str, **fields: Any) -> str:
    answer = client.post(address, fields, headers=HTMX)
    assert answer.status_code == 200, answer.headers.get("HX-Trigger")
    return answer.content.decode()


# -- switches and fields


def test_person_is_switched_off_and_on_again(as_administrator: Client, owner: Person, make_generation: Make) -> None:
    make_generation()
    page = change(as_administrator, f"/settings/people/{owner.pk}/set/", field="active", value="")
    assert 'aria-checked="false"' in page
    assert "1 request that waited was cancelled" in page
    assert not Person.objects.get(pk=owner.pk).is_active
    address, fields = undo_of(page)
    change(as_administrator, address, **fields)
    assert Person.objects.get(pk=owner.pk).is_active
    changes = AuditEntry.objects.filter(kind="person", action="changed").values_list("changes", flat=True)
    assert list(changes) == [{"is_active": [False, True]}, {"is_active": [True, False]}]


def test_switch_works_without_scripts(as_administrator: Client, owner: Person) -> None:
    form = {"field": "administrator", "value": "1"}
    page = as_administrator.post(f"/settings/people/{owner.pk}/set/", form, follow=True)
    assert page.redirect_chain == [("/settings/people/", 302)]
    assert "Olivia Owner is an administrator now." in page.content.decode()
    address, fields = undo_of(page.content.decode())
    line = page.content.decode().partition('class="undo"')[2].partition(">")[0]
    assert "hx-" not in line, "the page that it is shown on may not have the row"
    as_administrator.post(address, fields)
    assert not Person.objects.get(pk=owner.pk).is_superuser


@pytest.mark.parametrize(
    ("typed", "amount"), [("25", "25.00"), ("$1,250.50", "1250.50"), ("", None), ("x", "5.00"), ("-1", "5.00")]
)
def test_budget_is_set_by_typing_it(as_administrator: Client, owner: Person, typed: str, amount: str | None) -> None:
    Budget.objects.create(person=owner, amount=5)
    answer = as_administrator.post(f"/settings/people/{owner.pk}/budget/", {"value": typed}, headers=HTMX)
    assert answer.status_code == (422 if typed in ("x", "-1") else 200)
    budget = Budget.objects.filter(person=owner).first()
    assert (f"{budget.amount:.2f}" if budget else None) == amount
    if answer.status_code == 200:
        change(as_administrator, undo_of(answer.content.decode())[0], value="5.00")
        assert Budget.objects.get(person=owner).amount == 5


def test_field_that_is_sent_twice_keeps_its_undo(as_administrator: Client, owner: Person) -> None:
    """It sends itself when it changes, and again with Enter."""
    address = f"/settings/people/{owner.pk}/budget/"
    assert "settings-said" in change(as_administrator, address, value="25")
    assert "settings-said" not in change(as_administrator, address, value="25.00")
    assert AuditEntry.objects.filter(kind="budget").count() == 1


def test_group_gets_limits_and_loses_them(as_administrator: Client) -> None:
    as_administrator.post("/settings/groups/new/", {"name": "Painters"})
    address = f"/settings/groups/{Group.objects.get().pk}/set/"
    change(as_administrator, address, field="requests_per_day", value="20")
    change(as_administrator, address, field="storage_mb", value="500")
    assert GroupLimit.objects.values_list("requests_per_day", "under_way", "storage_mb").get() == (20, None, 500)
    page = change(as_administrator, address, field="requests_per_day", value="")
    assert undo_of(page) == (address, {"field": "requests_per_day", "value": "20"})
    change(as_administrator, address, field="storage_mb", value="")
    assert not GroupLimit.objects.exists()
    assert as_administrator.post(address, {"field": "under_way", "value": "0"}, headers=HTMX).status_code == 422


def test_group_is_deleted_only_if_it_has_not_spent(as_administrator: Client, owner: Person) -> None:
    spent, unused = Group.objects.create(name="Spent"), Group.objects.create(name="Unused")
    owner.groups.add(spent)
    services.generations.submit(owner, model=model(), prompt="Lemon", options={}, count=1)
    for group in (spent, unused):
        asked = as_administrator.post(f"/settings/groups/{group.pk}/delete/", {"ask": "1"})
        assert f"Delete the group {group.name}?" in asked.content.decode()
        as_administrator.post(f"/settings/groups/{group.pk}/delete/")
    assert list(Group.objects.all()) == [spent]


def test_model_is_taken_off_and_put_back(as_administrator: Client) -> None:
    address = f"/settings/models/{model().pk}/set/"
    page = change(as_administrator, address, value="")
    assert not model().enabled
    change(as_administrator, undo_of(page)[0], **undo_of(page)[1])
    assert model().enabled


def test_models_are_put_in_order(as_administrator: Client) -> None:
    ImageModel.objects.update(position=100)
    before = list(ImageModel.objects.on_offer())
    address = f"/settings/models/{before[1].pk}/move/"
    page = change(as_administrator, address, to="up", page="1")
    assert list(ImageModel.objects.on_offer()) == [before[1], before[0], *before[2:]]
    assert page.index(before[1].label) < page.index(before[0].label)
    assert as_administrator.post(address, {"to": "up"}, headers=HTMX).status_code == 422
    change(as_administrator, undo_of(page)[0], **undo_of(page)[1])
    assert list(ImageModel.objects.on_offer()) == before


def test_gallery_is_shown_to_the_team(as_administrator: Client, private_gallery: Gallery) -> None:
    page = change(as_administrator, f"/settings/galleries/{private_gallery.pk}/set/", value="1")
    private_gallery.refresh_from_db()
    assert private_gallery.shared_with_team
    assert AuditEntry.objects.get(kind="gallery").changes == {"shared_with_team": [False, True]}
    change(as_administrator, undo_of(page)[0], **undo_of(page)[1])
    private_gallery.refresh_from_db()
    assert not private_gallery.shared_with_team


def test_link_ends_after_a_question(as_administrator: Client, private_gallery: Gallery, owner: Person) -> None:
    settings = {"label": "A client", "expires_at": timezone.now() + timedelta(days=1)}
    link, _token = services.share_links.make_link(private_gallery, owner, settings)
    address = f"/settings/links/{link.pk}/end/"
    assert "End the link" in as_administrator.post(address, {"ask": "1"}).content.decode()
    assert ShareLink.objects.alive().exists()
    assert "ended" in change(as_administrator, address)
    assert not ShareLink.objects.alive().exists()


def test_retention_is_set_in_days(as_administrator: Client) -> None:
    page = change(as_administrator, "/settings/storage/retention/", field="prompts", value="30")
    assert "Kept for 30 days: Prompts." in page
    assert Retention.load().prompts == 30
    for wrong in ("0", "99999", "soon"):
        form = {"field": "prompts", "value": wrong}
        assert as_administrator.post("/settings/storage/retention/", form, headers=HTMX).status_code == 422
    change(as_administrator, undo_of(page)[0], **undo_of(page)[1])
    assert Retention.load().prompts is None


def test_studio_is_paused_and_resumed(as_administrator: Client) -> None:
    page = as_administrator.post("/settings/pause/", {"do": "pause", "reason": "An upgrade"}, follow=True)
    assert "Ada Administrator paused it: An upgrade" in page.content.decode()
    as_administrator.post("/settings/pause/", {"do": "resume"})
    assert not UpstreamAccount.load().is_paused
    assert list(AuditEntry.objects.values_list("note", flat=True)) == ["Resumed.", "Paused. An upgrade"]


def test_request_is_cancelled_by_an_administrator(as_administrator: Client, make_generation: Make) -> None:
    generation = make_generation()
    change(as_administrator, f"/settings/jobs/{generation.pk}/cancel/")
    assert Generation.objects.get().state == State.CANCELLED
    assert as_administrator.post(f"/settings/jobs/{generation.pk}/cancel/", headers=HTMX).status_code == 422


def test_media_check_begins(as_administrator: Client) -> None:
    as_administrator.post("/settings/storage/check/")
    assert MediaCheck.objects.count() == 1
    assert "A check is running." in as_administrator.get("/settings/storage/").content.decode()


# -- people


def test_several_people_are_switched_off_or_put_into_a_group(
    as_administrator: Client, administrator: Person, owner: Person, teammate: Person
) -> None:
    painters = Group.objects.create(name="Painters")
    both = [owner.pk, teammate.pk]
    as_administrator.post("/settings/people/many/", {"person": both, "do": "group", "group": painters.pk})
    assert set(Person.objects.filter(groups=painters)) == {owner, teammate}
    as_administrator.post("/settings/people/many/", {"person": both, "do": "off"})
    assert list(Person.objects.filter(is_active=True)) == [administrator]


def test_people_are_found_by_words_and_state(as_administrator: Client, owner: Person, teammate: Person) -> None:
    Person.objects.filter(pk=teammate.pk).update(is_active=False)

    def found(query: str) -> list[str]:
        return [row["person"].name for row in as_administrator.get(f"/settings/people/?{query}").context["rows"]]

    assert found("q=olivia+example") == ["Olivia Owner"]
    assert found("show=off") == ["Tom Teammate"]
    assert len(found("show=all")) == 3


def test_leaving_person_is_done_with_in_one_press(
    as_administrator: Client, owner: Person, teammate: Person, private_gallery: Gallery, make_generation: Make
) -> None:
    make_generation()
    page = as_administrator.get(f"/settings/people/{owner.pk}/").content.decode()
    assert "1 of them has no other manager." in page
    form = {"do": "all", "to": "TOM@example.org"}
    asked = as_administrator.post(f"/settings/people/{owner.pk}/leave/", {**form, "ask": "1"}).content.decode()
    assert "Does Olivia Owner leave?" in asked
    assert "TOM@example.org" in asked
    answer = as_administrator.post(f"/settings/people/{owner.pk}/leave/", form, follow=True).content.decode()
    assert "Olivia Owner is switched off. 1 request was cancelled. 1 gallery was handed over." in answer
    private_gallery.refresh_from_db()
    assert private_gallery.owner == teammate
    assert "Nothing that would be left behind." in answer


def test_chosen_gallery_is_handed_over(
    as_administrator: Client, owner: Person, teammate: Person, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    address = f"/settings/people/{owner.pk}/leave/"
    form = {"do": "galleries", "gallery": private_gallery.pk}
    for wrong in ("", "nowhere@example.org", "olivia@example.org"):
        assert as_administrator.post(address, {**form, "to": wrong}).status_code == 422
    as_administrator.post(address, {**form, "to": teammate.email})
    assert list(Gallery.objects.filter(owner=teammate)) == [private_gallery]


def test_person_is_erased_only_by_those_who_are_sure(as_administrator: Client, owner: Person) -> None:
    address = f"/settings/people/{owner.pk}/erase/"
    form = {"pictures": "trash", "delete_prompts": "on"}
    assert as_administrator.post(address, form).status_code == 422
    assert as_administrator.post(address, {**form, "pictures": "hand_over", "sure": "on"}).status_code == 422
    page = as_administrator.post(address, {**form, "sure": "on"}, follow=True).content.decode()
    assert f"It is called Former member {owner.pk} now." in page
    assert as_administrator.get(address).status_code == 404
    assert 'name="do" value="all"' not in page


def test_link_for_a_new_password_is_mailed(as_administrator: Client, owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert "new password" in as_administrator.get(f"/settings/people/{owner.pk}/").content.decode()
    as_administrator.post(f"/settings/people/{owner.pk}/reset/")
    tasks.password_reset(owner.email, "http://testserver/")
    assert outbox.outbox[0].to == ["olivia@example.org"]


# -- rights


@pytest.mark.parametrize("page", PAGES)
def test_pages_need_the_right_of_django_admin(page: str, owner: Person) -> None:
    """A member of the staff without any right sees the overview, without money, and nothing else."""
    _, client = clerk_with()
    answer = client.get(f"/settings/{page}")
    assert answer.status_code == (200 if page == "" else 404)
    if page == "":
        assert [section.name for section in answer.context["sections"]] == ["settings_overview"]
        assert "Spent this month" not in answer.content.decode()


def test_rights_are_a_superusers_to_give(owner: Person, administrator: Person) -> None:
    clerk, client = clerk_with("view_person", "change_person")
    for person in (owner, clerk):
        form = {"field": "administrator", "value": "1"}
        assert client.post(f"/settings/people/{person.pk}/set/", form).status_code == 404
        assert client.post(f"/settings/people/{person.pk}/groups/", {"group": []}).status_code == 404
    assert client.post("/settings/people/many/", {"person": owner.pk, "do": "group", "group": 1}).status_code == 404
    assert client.post(f"/settings/people/{owner.pk}/erase/").status_code == 404
    assert not Person.objects.filter(is_superuser=True).exclude(pk=administrator.pk).exists()


def test_clerk_changes_no_one_with_more_rights(owner: Person, administrator: Person) -> None:
    _, client = clerk_with("view_person", "change_person")
    off = {"field": "active", "value": ""}
    assert client.post(f"/settings/people/{administrator.pk}/set/", off).status_code == 404
    client.post("/settings/people/many/", {"person": administrator.pk, "do": "off"})
    assert client.post(f"/settings/people/{administrator.pk}/leave/", {"do": "all"}).status_code == 404
    assert client.post(f"/settings/people/{owner.pk}/set/", off).status_code == 302
    assert list(Person.objects.filter(is_active=False)) == [owner]


def test_deeds_on_a_persons_things_need_the_right_to_these(
    owner: Person, teammate: Person, private_gallery: Gallery, make_generation: Make
) -> None:
    make_generation()
    clerk, client = clerk_with("view_person", "change_person", "change_gallery")
    address = f"/settings/people/{owner.pk}/leave/"
    for do in ("requests", "links", "templates", "invitations", "all"):
        assert client.post(address, {"do": do, "to": clerk.email}).status_code == 404
    assert client.post(address, {"do": "galleries", "to": clerk.email}).status_code == 302
    assert client.post(f"/settings/people/{owner.pk}/budget/", {"value": "5"}).status_code == 404
    assert Generation.objects.get().state == State.QUEUED


# -- size


def many(owner: Person, teammate: Person, number: int, make_picture: Make, make_generation: Make) -> None:
    """One more of everything."""
    person = Person.objects.create_user(f"p{number}@example.org", None, name=f"Person {number}")
    group = Group.objects.create(name=f"Group {number}")
    person.groups.add(group)
    Budget.objects.create(person=person, amount=5)
    Budget.objects.create(group=group, amount=5)
    GroupLimit.objects.create(group=group, under_way=2)
    gallery = Gallery.objects.create(owner=owner, name=f"Gallery {number}")
    settings = {"label": "A client", "expires_at": timezone.now() + timedelta(days=1)}
    services.share_links.make_link(gallery, owner, settings)
    make_picture()
    make_generation()
    make_generation(state=State.FAILED, finished_at=timezone.now(), author=person)
    services.generations.submit(person, model=model(), prompt="Lemon", options={}, count=1)


def test_number_of_queries_does_not_grow(
    as_administrator: Client, owner: Person, teammate: Person, make_picture: Make, make_generation: Make
) -> None:
    def queries() -> dict[str, int]:
        counts = {}
        for page in [*PAGES, f"people/{owner.pk}/"]:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                assert as_administrator.get(f"/settings/{page}").status_code == 200
            counts[page] = len(captured)
        return counts

    many(owner, teammate, 1, make_picture, make_generation)
    queries()
    few = queries()
    for number in range(2, 6):
        many(owner, teammate, number, make_picture, make_generation)
    assert queries() == few
    assert max(few.values()) < 40
    assert Picture.objects.count() == 5
