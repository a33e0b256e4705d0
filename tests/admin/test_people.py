"""Who may change people may not raise anyone's rights beyond their own."""

import pytest
from django.contrib.auth.models import Group, Permission

from gallery.models import Generation, LedgerEntry, Person
from tests.conftest import signed_in

CHANGE = "/admin/gallery/person/{}/change/"


@pytest.fixture
def clerk(db: None) -> Person:
    """May look at people and change them, and nothing else."""
    clerk = Person.objects.create_user("clara@example.org", "correct horse battery", name="Clara Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_person", "change_person"]))
    return clerk


def change(by: Person, of: Person, **more: object) -> None:
    client = signed_in(by)
    page = client.get(CHANGE.format(of.pk))
    form: dict[str, object] = {"name": of.name, "email": of.email, "is_active": "on", **more}
    if page.status_code == 200:
        for inline in page.context["inline_admin_formsets"]:
            form |= {f"{inline.formset.prefix}-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    client.post(CHANGE.format(of.pk), form)
    of.refresh_from_db()


def test_a_clerk_cannot_make_themselves_a_superuser(clerk: Person) -> None:
    group = Group.objects.create(name="All rights")
    group.permissions.set(Permission.objects.all())
    rights = [str(one.pk) for one in Permission.objects.all()[:5]]
    change(clerk, clerk, name="Clara", is_superuser="on", groups=[str(group.pk)], user_permissions=rights)
    assert clerk.name == "Clara"
    assert not clerk.is_superuser
    assert not clerk.groups.exists()
    assert clerk.user_permissions.count() == 2


def test_a_clerk_cannot_change_an_administrator(clerk: Person, administrator: Person) -> None:
    change(clerk, administrator, email="mine@example.org")
    assert administrator.email == "ada@example.org"
    password = f"/admin/gallery/person/{administrator.pk}/password/"
    assert signed_in(clerk).get(password).status_code == 403


def test_a_clerk_changes_people_without_rights(clerk: Person, owner: Person) -> None:
    change(clerk, owner, name="Olivia Renamed")
    assert owner.name == "Olivia Renamed"


def test_a_superuser_gives_rights(administrator: Person, owner: Person) -> None:
    change(administrator, owner, is_staff="on")
    assert owner.is_staff


def test_a_group_that_has_spent_cannot_be_deleted(administrator: Person, generation_of_group: Generation) -> None:
    group = Group.objects.get()
    page = f"/admin/auth/group/{group.pk}/delete/"
    assert signed_in(administrator).post(page, {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [str(group.pk)], "post": "yes"}
    signed_in(administrator).post("/admin/auth/group/", form)
    assert Group.objects.filter(pk=group.pk).exists()


def test_a_group_that_has_spent_nothing_can_be_deleted(administrator: Person) -> None:
    group = Group.objects.create(name="Nothing yet")
    assert signed_in(administrator).post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()


@pytest.fixture
def generation_of_group(owner: Person, make_generation: object) -> Generation:
    from decimal import Decimal

    from gallery.models import ledger

    owner.groups.add(Group.objects.create(name="Designers"))
    generation: Generation = make_generation(estimated_cost=Decimal("0.05"))  # type: ignore[operator]
    ledger.reserve(owner, [generation])
    assert LedgerEntry.objects.filter(groups__name="Designers").exists()
    return generation


def test_clerk_switches_off_only_people_without_more_rights(
    clerk: Person, owner: Person, teammate: Person, administrator: Person
) -> None:
    chosen = [clerk.pk, owner.pk, teammate.pk, administrator.pk]
    signed_in(clerk).post("/admin/gallery/person/", {"action": "switch_off", "_selected_action": chosen})
    assert set(Person.objects.filter(is_active=True)) == {clerk, administrator}
