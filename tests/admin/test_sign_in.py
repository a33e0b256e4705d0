"""What the administration shows of how people sign in."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from gallery.models import Person
from tests.conftest import signed_in


@pytest.fixture
def step(owner: Person) -> Authenticator:
    TOTP.activate(owner, generate_totp_secret())
    return Authenticator.objects.get()


def test_only_the_studios_own_pages_are_registered() -> None:
    modules = {type(registered).__module__ for registered in admin.site._registry.values()}
    assert not [module for module in modules if module.startswith("allauth")]


def test_administrator_removes_a_lost_step_and_sees_no_secret(as_administrator: Client, step: Authenticator) -> None:
    page = f"/admin/mfa/authenticator/{step.pk}/"
    html = as_administrator.get(f"{page}change/").content.decode()
    assert "Olivia Owner" in html
    assert step.data["secret"] not in html
    assert as_administrator.post(f"{page}delete/", {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()


def test_step_of_a_person_with_more_rights_stays(administrator: Person, teammate: Person) -> None:
    TOTP.activate(administrator, generate_totp_secret())
    step = Authenticator.objects.get()
    Person.objects.filter(pk=teammate.pk).update(is_staff=True)
    teammate.user_permissions.set(Permission.objects.filter(content_type__app_label="mfa"))
    client = signed_in(teammate)
    assert client.get(f"/admin/mfa/authenticator/{step.pk}/change/").status_code == 200
    assert client.post(f"/admin/mfa/authenticator/{step.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Authenticator.objects.exists()
