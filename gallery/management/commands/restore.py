"""`manage.py restore FOLDER`: a backup into an empty studio, which then starts paused."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import Truncator

from gallery.management import backups
from gallery.models import Generation, State

LISTED = 50


class Command(BaseCommand):
    help = "Restore a backup into an empty data folder and database. The studio then starts paused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what `manage.py backup` made")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        folder = folder.expanduser().resolve()
        marker = backups.read_marker(folder)
        if not backups.is_database_empty():
            raise CommandError("The database is not empty. Restore into a new one: set LEMONSTUDIO_DATA, DATABASE_URL.")
        on_s3 = (folder / backups.MANIFEST).exists()
        if on_s3 != backups.is_on_s3():
            where = "in a bucket; set LEMONSTUDIO_S3_BUCKET" if on_s3 else "files; unset LEMONSTUDIO_S3_BUCKET"
            raise CommandError(f"The media of the backup are {where}.")
        if not on_s3 and not backups.is_media_empty():
            raise CommandError(f"{settings.MEDIA_ROOT} is not empty. Restore into a new folder: set LEMONSTUDIO_DATA.")
        try:
            # The database last: until it is there, nothing can run on half of a studio.
            if not on_s3:
                Path(settings.MEDIA_ROOT).mkdir(mode=0o750, parents=True, exist_ok=True)
                backups.copy_media(folder / backups.MEDIA, Path(settings.MEDIA_ROOT))
            if settings.LOCAL and (folder / backups.KEY_FILE).exists():
                shutil.copy2(folder / backups.KEY_FILE, Path(settings.DATA_DIR) / backups.KEY_FILE)
            backups.load_database(folder, marker["made_at"])
        except OSError as problem:
            raise CommandError(f"The restore is not whole. Begin with an empty folder again. ({problem})") from None
        self.stdout.write(f"Restored: {marker['pictures']} pictures of {marker['generations']} generations.")
        if on_s3:
            self._say_what_the_bucket_lacks(folder)
        self._say_what_waits()
        self.stdout.write("The studio is paused. Run `manage.py prepare` and start it; then resume it in the")
        self.stdout.write("administration or with `manage.py resume`, which --cancel-queued lets send none of these.")

    def _say_what_the_bucket_lacks(self, folder: Path) -> None:
        for key in backups.changed_on_s3(folder / backups.MANIFEST):
            self.stdout.write(f"Missing or of another size in the bucket: {key}")

    def _say_what_waits(self) -> None:
        """Only columns that every version has: the database may be of an older one."""
        queued = Generation.objects.filter(state=State.QUEUED).order_by("pk")
        self.stdout.write(f"Queued when the backup was made: {queued.count()}. A resume sends them, maybe once more.")
        for pk, slug, prompt in queued.values_list("pk", "model__slug", "prompt")[:LISTED]:
            self.stdout.write(f"  {pk}  {slug}  {Truncator(prompt).chars(80)}")
        sent = Generation.objects.filter(state=State.SUBMITTING).count()
        if sent:
            self.stdout.write(f"On their way when the backup was made: {sent}. They become interrupted.")
