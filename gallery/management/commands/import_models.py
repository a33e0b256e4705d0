"""`manage.py import_models`: what the upstream offers beside the catalogue, and into it with --apply."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.engine.catalogue_sync import sync_catalogue
from gallery.models import ImageModel
from gallery.queries.catalogue.diff import (
    Change,
    Comparison,
    Difference,
    Kind,
    compare,
    left_out_in_words,
    undescribed_in_words,
)
from gallery.services.catalogue import Applied, Pick, apply_catalogue


class Command(BaseCommand):
    help = (
        "Show which models the upstream offers that the catalogue does not have, which it describes otherwise, and "
        "which it no longer offers. Changes nothing unless --apply is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="bring it all into the catalogue")
        parser.add_argument(
            "--overwrite-edited", action="store_true", help="with --apply: also fields that were edited by hand"
        )
        parser.add_argument("--offer", action="store_true", help="with --apply: people may pick the new models at once")
        parser.add_argument(
            "--only", action="append", metavar="SLUG", default=[], help="just this model; may be given several times"
        )

    def handle(
        self, *args: Any, apply: bool, overwrite_edited: bool, offer: bool, only: list[str], **options: Any
    ) -> None:
        snapshot = sync_catalogue()
        if snapshot.error:
            raise CommandError(snapshot.error)
        comparison = compare(snapshot.offered, ImageModel.objects.of_upstream(), snapshot.left_out)
        known = {row["id"] for row in snapshot.offered} | set(ImageModel.objects.values_list("slug", flat=True))
        if unknown := [slug for slug in only if slug not in known]:
            raise CommandError(f"Neither the upstream nor the catalogue has {', '.join(unknown)}.")
        chosen = [one for one in comparison.all if not only or one.slug in only]
        self._show(comparison, chosen, overwrite_edited)
        if comparison.is_doubtful and not only and any(one.kind is Kind.GONE for one in chosen):
            self._say(
                "The upstream described no model, so its list may not be complete. Nothing is taken off the list "
                "unless --only names it."
            )
            chosen = [one for one in chosen if one.kind is not Kind.GONE]
        if not chosen:
            self._say("Nothing to do.")
        elif not apply:
            self._say("Nothing was changed. The same with --apply brings it into the catalogue.")
        else:
            picks = [
                Pick(
                    one.slug,
                    one.digest,
                    overwrite=[change.key for change in one.by_hand] if overwrite_edited else (),
                    offered=offer,
                )
                for one in chosen
            ]
            self._tell(apply_catalogue(snapshot.offered, picks, snapshot.left_out), offer)

    def _say(self, line: str) -> None:
        """Print a line. If the reader has gone, such as `head`, the work goes on in silence."""
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:
            # In its place, so that Python can write out the rest of its buffer at the end.
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.stdout.fileno())
            os.close(nothing)

    def _show(self, comparison: Comparison, chosen: list[Difference], overwrite_edited: bool) -> None:
        titles = {Kind.NEW: "New", Kind.CHANGED: "Changed", Kind.GONE: "Not offered any more"}
        for kind, title in titles.items():
            found = [one for one in chosen if one.kind is kind]
            if not found:
                continue
            self._say(self.style.MIGRATE_HEADING(f"{title} ({len(found)})"))
            for one in found:
                self._say(f"  {one.slug} – {one.label}{'' if one.on_offer or kind is Kind.NEW else ' (off)'}")
                for change in one.changes:
                    self._say(f"      {_line(change, kind, overwrite_edited)}")
                for line in (one.note, *one.problems, *one.facts):
                    if line:
                        self._say(f"      {line}")
        self._say(f"{comparison.same} as they are in the catalogue.")
        for line in (undescribed_in_words(comparison), left_out_in_words(comparison)):
            if line:
                self._say(line)

    def _tell(self, applied: Applied, offer: bool) -> None:
        for verb, models in (
            ("Added" if offer else "Added, switched off", applied.added),
            ("Changed", applied.changed),
            ("Taken off the list", applied.gone),
        ):
            if models:
                self._say(self.style.SUCCESS(f"{verb}: {', '.join(model.slug for model in models)}."))
        if applied.added and not offer:
            self._say("Switch the new ones on in the administration, or add them with --offer.")
        if applied.missed:
            raise CommandError(f"Changed meanwhile, and left alone: {', '.join(applied.missed)}. Run it again.")
        if not (applied.added or applied.changed or applied.gone):
            self._say("Nothing was changed: all of it was set by hand. --overwrite-edited takes it all the same.")


def _line(change: Change, kind: Kind, overwrite_edited: bool) -> str:
    if kind is Kind.NEW:
        return f"{change.what}: {change.then}"
    line = f"{change.what}: {change.now} → {change.then}"
    if change.note:
        line += f" ({change.note})"
    if change.by_hand:
        line += " – set by hand, " + ("overwritten" if overwrite_edited else "kept")
    return line
