"""The audit list has every act of administration, with the values before and after, and keeps them."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from gallery.models import AuditEntry, Budget, Gallery, Generation, Person, ShareLink, UpstreamAccount
from tests.support.guests import link_form


def entries(**of: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(**of))


def form_of(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """What the administration's form at this address would send, with some changes."""
    context = client.get(url).context
    form = context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    for formset in context["inline_admin_formsets"]:
        data |= {f"{formset.formset.prefix}-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    return {name: value for name, value in (data | changes).items() if value is not None and value is not False}


def test_change_of_a_person_is_written_down_with_before_and_after(
    as_administrator: Client, administrator: Person, owner: Person, caplog: pytest.LogCaptureFixture
) -> None:
    group = Group.objects.create(name="Design")
    url = f"/admin/gallery/person/{owner.pk}/change/"
    with caplog.at_level(logging.INFO, logger="gallery.services.audit"):
        done = as_administrator.post(url, form_of(as_administrator, url, name="Olivia O.", groups=[group.pk]))
    assert done.status_code == 302, done.context["adminform"].form.errors
    groups, named = entries()
    assert named.person == administrator
    assert named.person_name == "Ada Administrator <ada@example.org>"
    assert (named.action, named.kind, named.object_id) == ("changed", "person", str(owner.pk))
    assert named.changes == {"name": ["Olivia Owner", "Olivia O."]}
    assert groups.changes == {"groups": [None, ["Design"]]}
    assert named.request_id == done["X-Request-ID"]
    assert named.address == "127.0.0.1"
    assert "Administration: Ada Administrator <ada@example.org> changed person" in caplog.text


def test_deeds_of_buttons_are_there(as_administrator: Client) -> None:
    as_administrator.post("/admin/gallery/upstreamaccount/pause/", {"reason": "An upgrade."})
    (entry,) = entries(action="did")
    assert (entry.kind, entry.note) == ("upstream account", "Paused. An upgrade.")


def test_deeds_on_the_command_line_are_there(db: None) -> None:
    UpstreamAccount.load()
    call_command("pause", "--reason", "An upgrade.")
    call_command("resume")
    assert [(one.person_name, one.note) for one in entries()] == [
        ("Command line", "Resumed."),
        ("Command line", "Paused. An upgrade."),
    ]


def test_deletion_keeps_what_was_there(as_administrator: Client, owner: Person) -> None:
    budget = Budget.objects.create(person=owner, amount=7)
    done = as_administrator.post(f"/admin/gallery/budget/{budget.pk}/delete/", {"post": "yes"})
    assert done.status_code == 302
    (entry,) = entries(action="deleted")
    assert entry.object_name == "the budget of Olivia Owner"
    assert entry.changes["amount"] == ["7.00", None]


def test_what_gives_rights_is_written_down_for_everyone(as_owner: Client, owner: Person, team_gallery: Gallery) -> None:
    made = as_owner.post(f"/galleries/{team_gallery.pk}/links/", link_form(label="For Ada"))
    link = ShareLink.objects.get()
    (entry,) = entries(kind="share link")
    assert (entry.action, entry.person, entry.object_id) == ("added", owner, str(link.pk))
    assert entry.changes["label"] == [None, "For Ada"]
    assert {name: value for name, value in entry.changes.items() if "token" in name} == {"token_hash": [None, "•••"]}
    assert made.status_code in (200, 302)


def test_ordinary_work_is_not_in_the_list(
    as_owner: Client, as_administrator: Client, make_generation: Callable[..., Generation]
) -> None:
    for client in (as_owner, as_administrator):
        client.post("/galleries/new/", {"name": "Sketches"})
        client.post("/account/theme/", {"theme": "dark"})
    assert all(entry.person_name.startswith("Ada") for entry in entries())
    assert not entries(kind="generation")


def test_passwords_are_never_in_the_list(as_administrator: Client, owner: Person) -> None:
    url = f"/admin/gallery/person/{owner.pk}/password/"
    new = "a-new-and-long-password"
    form = {"usable_password": "true", "password1": new, "password2": new}
    assert as_administrator.post(url, form).status_code == 302
    (entry,) = entries(action="changed")
    assert entry.changes["password"] == ["•••", "•••"]


@pytest.mark.parametrize("page", ["change", "delete", "add"])
def test_list_cannot_be_changed_from_the_web(as_administrator: Client, owner: Person, page: str) -> None:
    entry = AuditEntry.objects.create(person_name="Ada", action="did", changes={"name": ["<b>a</b>", None]})
    base = "/admin/gallery/auditentry/"
    assert as_administrator.get(base).status_code == 200
    shown = as_administrator.get(f"{base}{entry.pk}/change/").content.decode()
    assert "&lt;b&gt;a&lt;/b&gt;" in shown
    url = f"{base}add/" if page == "add" else f"{base}{entry.pk}/{page}/"
    assert as_administrator.post(url, {"note": "changed", "post": "yes"}).status_code == 403
    entry.refresh_from_db()
    assert entry.note == ""


def test_rows_are_only_ever_added(db: None) -> None:
    entry = AuditEntry.objects.create(person_name="Ada", action="did")
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError, match="only ever added to"):
            change()
    with pytest.raises(TypeError, match="only ever added to"):
        AuditEntry.objects.update(note="changed")
