"""Bring database, static files and the first administrator up to date; safe to run at every start."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from gallery import services
from gallery.db import schema
from gallery.db.locks import prepare_lock
from gallery.models import Person
from lemonstudio.storage import StorageRefused, probe


class Command(BaseCommand):
    help = "Apply migrations, collect static files, and make the administrator named by the environment."

    def handle(self, *args: Any, **options: Any) -> None:
        with prepare_lock():
            if schema.state() == "ahead":
                raise CommandError(schema.SENTENCES["ahead"])
            call_command("migrate", interactive=False, verbosity=0)
            self._close_files()
            self._make_administrator(settings.LEMONSTUDIO_ADMIN_EMAIL, settings.LEMONSTUDIO_ADMIN_PASSWORD)
        call_command("collectstatic", interactive=False, verbosity=0)
        if settings.LEMONSTUDIO_S3_BUCKET:
            self._try_bucket()

    def _try_bucket(self) -> None:
        """A bucket that refuses is a wrong setting. One that is away may be back soon, and the studio waits for it."""
        try:
            probe(default_storage)
        except StorageRefused as problem:
            raise CommandError(
                f"The bucket cannot be used. {problem.strerror}: {settings.LEMONSTUDIO_S3_BUCKET}"
            ) from None
        except OSError as problem:
            self.stderr.write(f"{problem.strerror}. The studio waits for it.")

    def _close_files(self) -> None:
        """Studios of earlier versions have a database that others on the machine may read."""
        for path in (Path(settings.DATA_DIR)).glob("*"):
            if path.is_file() and (path.name == "secret_key" or ".sqlite3" in path.name):
                path.chmod(0o600)

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
