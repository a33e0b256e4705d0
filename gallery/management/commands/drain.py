"""`manage.py drain`: pause, and wait until nothing is on its way. Then a stop cuts nothing off."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery import services
from gallery.management.commands.pause import WHO
from gallery.models import UpstreamAccount

LOOK_SECONDS = 0.5
SAY_SECONDS = 5.0
# An engine that has just looked may still claim a request after the first look that finds none.
QUIET_LOOKS = 3


class Command(BaseCommand):
    help = "Pause, and wait until no request is on its way. The exit status is 1 if some are when the time is over."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=float, default=300, help="how long to wait, in seconds (300)")
        parser.add_argument("--reason", default="", help="shown to people, after “An operator paused it:”")

    def handle(self, *args: Any, timeout: float, reason: str, **options: Any) -> None:
        services.operations.pause(WHO, reason)
        give_up_at = time.monotonic() + timeout
        say_at, quiet = 0.0, 0
        while quiet < QUIET_LOOKS:
            left = services.operations.on_their_way()
            quiet = 0 if left else quiet + 1
            now = time.monotonic()
            if left and now >= give_up_at:
                worker = "" if UpstreamAccount.is_held() else " No worker is running."
                raise CommandError(
                    f"Still on their way after {timeout:.0f} s: {left}.{worker} The studio stays paused."
                )
            if left and now >= say_at:
                say_at = now + SAY_SECONDS
                self.stdout.write(f"On their way: {left}.")
                self.stdout.flush()
            time.sleep(LOOK_SECONDS)
        self.stdout.write("Nothing is on its way. The studio stays paused until `manage.py resume`.")
