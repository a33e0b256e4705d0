"""`manage.py check_media`: whether storage has just the files that the rows name. By itself it changes nothing."""

from collections.abc import Iterator
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.engine import adopt as adopting
from gallery.engine import media_check
from gallery.engine.media_check import DELETED_AFTER, Finding
from gallery.enqueue import enqueue_thumbnails
from gallery.models import MediaCheck, Picture


class Command(BaseCommand):
    help = "Print what is wrong with the media; the exit status is 1 if anything is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hash", action="store_true", help="read all originals and compare their SHA-256")
        parser.add_argument("--repair", action="store_true", help="have missing thumbnails made again")
        parser.add_argument(
            "--adopt",
            action="store_true",
            help="give originals that no row names back to the requests that they were made for",
        )
        parser.add_argument(
            "--delete-orphans",
            action="store_true",
            help=f"delete the files that no row names and that are older than {DELETED_AFTER.days} days",
        )
        parser.add_argument("--limit", type=int, default=1000, help="how many lines to print of each kind (1000)")

    def handle(
        self, *args: Any, hash: bool, repair: bool, adopt: bool, delete_orphans: bool, limit: int, **options: Any
    ) -> None:
        self.limit = limit
        self.printed: dict[bool, int] = {True: 0, False: 0}
        adopted = self._adopt() if adopt else set()
        broken, remade = 0, set[int]()
        for finding in self._findings(MediaCheck.Stage.PICTURES, with_hash=hash):
            broken += 1
            self._print(finding)
            if repair and finding.is_thumbnail and finding.picture_id and finding.picture_id not in remade:
                # The row without thumbnails comes first: that is what the task looks for.
                Picture.objects.filter(pk=finding.picture_id).update(thumbnails={})
                enqueue_thumbnails(finding.picture_id)
                remade.add(finding.picture_id)
        for stage in (MediaCheck.Stage.KEPT_FILES, MediaCheck.Stage.SENT_ALONG):
            for finding in self._findings(stage):
                broken += 1
                self._print(finding)
        orphans, deleted = self._orphans(adopted, delete=delete_orphans)
        if remade:
            self.stdout.write(f"Thumbnails are made again for {len(remade)} pictures.")
        if deleted:
            self.stdout.write(f"Deleted: {deleted} files that no row names.")
        if broken or orphans:
            raise CommandError(f"Missing or wrong: {broken}. Named by no row: {orphans}.")
        self.stdout.write("The media are complete.")

    @staticmethod
    def _findings(stage: MediaCheck.Stage, *, with_hash: bool = False) -> Iterator[Finding]:
        return (finding for _, findings in media_check.steps(stage, with_hash=with_hash) for finding in findings)

    def _adopt(self) -> set[str]:
        names = set[str]()
        for generation, own in adopting.adopt():
            self.stdout.write(f"Given back to generation {generation.pk}: {', '.join(own)}")
            names |= set(own)
        return names

    def _orphans(self, adopted: set[str], *, delete: bool) -> tuple[int, int]:
        """How many there are beside those that were adopted, and how many of them were deleted."""
        found = deleted = 0
        for finding in self._findings(MediaCheck.Stage.ORPHANS):
            if finding.name in adopted:
                continue
            found += 1
            self._print(finding)
            if delete and media_check.is_older(finding.name, DELETED_AFTER):
                default_storage.delete(finding.name)
                deleted += 1
        return found, deleted

    def _print(self, finding: Finding) -> None:
        printed = self.printed[finding.is_orphan]
        if printed < self.limit:
            self.stdout.write(str(finding))
        elif printed == self.limit:
            self.stdout.write("More are counted and not shown; --limit shows more.")
        self.printed[finding.is_orphan] += 1
