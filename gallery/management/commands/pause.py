"""`manage.py pause`: send nothing more until `manage.py resume`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gallery import services

WHO = "An operator"


class Command(BaseCommand):
    help = "Send nothing more to the upstream. What is on its way is finished; people can go on asking for pictures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="", help="shown to people, after “An operator paused it:”")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        services.operations.pause(WHO, reason)
        left = services.operations.on_their_way()
        self.stdout.write(f"Paused. On their way: {left}. `manage.py resume` lets the queue go on.")
