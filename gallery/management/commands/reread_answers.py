"""Run the present reader over answers that an earlier one did not understand. Nothing is sent, nothing is paid for."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery.engine.raw_answers import FETCH_BY, reread
from gallery.engine.results import Deliveries
from gallery.enqueue import enqueue_ingest
from gallery.models import Generation
from gallery.models.states import ENDED_IN_VAIN


class Command(BaseCommand):
    help = "Read the kept answers of generations again: of those named, or of all that failed or were interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pk", nargs="*", type=int, help="Numbers of generations.")

    def handle(self, *args: Any, **options: Any) -> None:
        generations = Generation.objects.select_related("model").order_by("pk")
        if wanted := options["pk"]:
            generations = generations.filter(pk__in=wanted)
            missing = set(wanted) - set(generations.values_list("pk", flat=True))
            if missing:
                raise CommandError(f"No such generation: {', '.join(str(pk) for pk in sorted(missing))}.")
        else:
            generations = generations.filter(state__in=ENDED_IN_VAIN, raw_answers__isnull=False).distinct()
        deliveries = Deliveries(enqueue_ingest, FETCH_BY.total_seconds())
        for generation in generations:
            self.stdout.write(f"{generation} {reread(generation, deliveries)}.")
