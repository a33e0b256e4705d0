"""The command for a person who has lost all second steps."""

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import CommandError, call_command

from gallery.models import Person


def test_second_steps_are_removed(owner: Person, teammate: Person) -> None:
    for person in (owner, teammate):
        TOTP.activate(person, generate_totp_secret())
    out = StringIO()
    call_command("remove_second_step", "Olivia@example.org", stdout=out)
    assert out.getvalue() == "Olivia Owner signs in by password only now.\n"
    assert Authenticator.objects.get().user == teammate


def test_unknown_person_is_named(db: None) -> None:
    with pytest.raises(CommandError, match=r"no account with the e-mail mia@example\.org"):
        call_command("remove_second_step", "mia@example.org")
