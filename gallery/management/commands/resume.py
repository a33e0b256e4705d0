"""`manage.py resume`: end a pause, as the button in the administration does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gallery import services


class Command(BaseCommand):
    help = "Let the queue go on after a pause, one by hand included."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--cancel-queued", action="store_true", help="first cancel what was queued when the pause began"
        )

    def handle(self, *args: Any, cancel_queued: bool, **options: Any) -> None:
        if cancel_queued:
            self.stdout.write(f"Cancelled: {services.operations.cancel_queued()}.")
        services.operations.resume()
        self.stdout.write("The queue goes on.")
