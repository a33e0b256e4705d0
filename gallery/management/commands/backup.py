"""`manage.py backup FOLDER`: database and media in one folder, while the studio runs."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from gallery.management import backups
from gallery.management.schema import require_current_schema


class Command(BaseCommand):
    help = "Back up database and media into a new folder. The studio may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that is empty or does not exist yet")
        parser.add_argument(
            "--link",
            action="store_true",
            help="hard-link the media instead of copying them; on the same disk, and of no help if that disk fails",
        )

    def handle(self, *args: Any, folder: Path, link: bool, **options: Any) -> None:
        require_current_schema()
        folder = folder.expanduser().resolve()
        backups.require_empty(folder)
        made_at = timezone.now()
        try:
            counts = backups.dump_database(folder)
            self.stdout.write(f"Database: {', '.join(f'{number} {what}' for what, number in counts.items())}.")
            media = self._media(folder, link=link)
            self._secret_key(folder)
            backups.write_marker(
                folder,
                version=backups.version(),
                migration=backups.latest_migration(),
                made_at=made_at.isoformat(timespec="seconds"),
                database=connection.vendor,
                **counts,
                media=settings.LEMONSTUDIO_S3_BUCKET or backups.MEDIA,
                files=media.files,
                bytes=media.size,
                left_out=sorted(backups.LEFT_OUT),
            )
        except OSError as problem:
            raise CommandError(f"The backup is not whole. Delete {folder} and try again. ({problem})") from None
        left_out = "; ".join(f"{name}/ ({what})" for name, what in backups.LEFT_OUT.items())
        self.stdout.write(f"Left out: {left_out}.")
        self.stdout.write(f"The backup is whole: {folder}")

    def _media(self, folder: Path, *, link: bool) -> backups.Copied:
        if backups.is_on_s3():
            media = backups.write_manifest(folder / backups.MANIFEST)
            self.stdout.write(
                f"Media: {media.files} objects in the bucket {settings.LEMONSTUDIO_S3_BUCKET} listed, and not copied."
            )
            return media
        media = backups.copy_media(Path(settings.MEDIA_ROOT), folder / backups.MEDIA, link=link)
        self.stdout.write(f"Media: {media.files} files, {filesizeformat(media.size)}.")
        if media.gone:
            self.stdout.write(f"Deleted by the studio meanwhile: {media.gone} files.")
        return media

    def _secret_key(self, folder: Path) -> None:
        """A local studio's, without which its sessions and links end. In production it is a setting."""
        key = Path(settings.DATA_DIR) / backups.KEY_FILE
        if key.exists():
            shutil.copy2(key, folder / backups.KEY_FILE)
