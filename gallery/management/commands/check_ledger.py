"""Whether every generation's ledger entries add up to what it costs. Changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery.management.schema import require_current_schema
from gallery.queries.ledger import discrepancies


class Command(BaseCommand):
    help = "Print where the ledger does not add up; the exit status is 1 if it does so anywhere."

    def handle(self, *args: Any, **options: Any) -> None:
        require_current_schema()
        found = 0
        for discrepancy in discrepancies():
            found += 1
            self.stdout.write(str(discrepancy))
        if found:
            raise CommandError(f"The ledger is wrong in {found} place{'' if found == 1 else 's'}.")
        self.stdout.write("The ledger adds up.")
