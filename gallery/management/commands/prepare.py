"""Bring database, static files and the first administrator up to date; safe to run at every start."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from gallery import services
from gallery.models import Person


class Command(BaseCommand):
    help = "Apply migrations, collect static files, and make the administrator named by the environment."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self._make_administrator(settings.LEMONSTUDIO_ADMIN_EMAIL, settings.LEMONSTUDIO_ADMIN_PASSWORD)

    def _make_administrator(self, email: str, password: str) -> None:
        """Only if there is no person yet, so that a password that was changed later stays."""
        if not email and not password:
            return
        if not email or not password:
            raise CommandError("Set both LEMONSTUDIO_ADMIN_EMAIL and LEMONSTUDIO_ADMIN_PASSWORD, or neither.")
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f'LEMONSTUDIO_ADMIN_EMAIL is "{email}", which is no e-mail address.') from None
        if Person.objects.exists():
            return
        try:
            services.people.set_up(email.split("@")[0], email, password)
        except services.people.AlreadySetUp:
            return
        self.stdout.write(f"Made the administrator {email}.")
