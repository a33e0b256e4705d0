"""Take the second steps off an account, for a person who has lost them all."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.models import Person


class Command(BaseCommand):
    help = "Removes a person's passkeys, authenticator app and recovery codes. Then the password signs in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            person = Person.objects.get_by_natural_key(options["email"])
        except Person.DoesNotExist:
            raise CommandError(f"There is no account with the e-mail {options['email']}.") from None
        removed = Authenticator.objects.filter(user=person).delete()[0]
        self.stdout.write(f"{person} signs in by password only now." if removed else f"{person} had no second step.")
