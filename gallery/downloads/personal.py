"""What the studio knows about one person, for an export of their data: files of text beside their originals."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.utils import timezone

from gallery.downloads.spreadsheets import csv_lines
from gallery.images.edit import UPLOADS
from gallery.models import (
    Activity,
    Budget,
    Comment,
    Gallery,
    Generation,
    Mark,
    Membership,
    Person,
    Picture,
    PromptTemplate,
    SavedSearch,
    ShareLink,
    Vote,
)
from gallery.models.kept_file import kept_files

_ROWS = 500


def pictures_of(person: Person) -> list[int]:
    """All of theirs, the trash included, the oldest first."""
    return list(Picture.objects.filter(author=person).order_by("pk").values_list("pk", flat=True))


def files_of(person: Person) -> list[str]:
    """The names in storage of what they uploaded for requests, and of what was delivered and is no picture."""
    asked = Generation.objects.filter(author=person).order_by("pk")
    sent = asked.exclude(source_file="").values_list("source_file", "mask_file", "reference_files")
    uploads = (name for source, mask, further in sent.iterator() for name in (source, mask, *further))
    delivered = asked.exclude(results=[]).values_list("pk", "results")
    kept = (file.name for pk, results in delivered.iterator() for file in kept_files(pk, results))
    # References may be originals, which are among the pictures, or in another person's.
    own = (name for name in uploads if name.startswith(f"{UPLOADS}/{person.pk}/"))
    return list(dict.fromkeys(chain(own, kept)))


def documents(person: Person) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file of text."""
    yield "account.json", iter([_json(_account(person), indent=1), b"\n"])
    yield "requests.json", _list(_request(one) for one in _requests(person))
    yield "requests.csv", (line.encode() for line in csv_lines(_COLUMNS, map(_row, _requests(person))))
    yield "comments.json", _list(map(_comment, _in_order(Comment.objects.filter(author=person), "gallery")))
    yield "marks.json", _list(map(_mark, _in_order(Mark.objects.filter(person=person))))
    yield "templates.json", _list(map(_template, _in_order(PromptTemplate.objects.owned_by(person), "model")))
    yield "activity.json", _list(map(_happening, _in_order(Activity.objects.filter(actor=person), "gallery", "actor")))


def _in_order(rows: Any, *related: str) -> Iterator[Any]:
    ordered = rows.order_by("pk")
    yield from (ordered.select_related(*related) if related else ordered).iterator(chunk_size=_ROWS)


def _requests(person: Person) -> Iterable[Generation]:
    rows = Generation.objects.filter(author=person).exclude(kind=Generation.Kind.UPLOAD)
    return _in_order(rows.defer("results"), "model", "gallery")


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=indent).encode()


def _list(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """A JSON list, a row a line."""
    yield b"["
    for number, row in enumerate(rows):
        yield (b",\n " if number else b"\n ") + _json(row)
    yield b"\n]\n"


def _at(moment: Any) -> str | None:
    return timezone.localtime(moment).isoformat() if moment else None


def _account(person: Person) -> dict[str, Any]:
    budget = Budget.objects.filter(person=person).first()
    members = Membership.objects.filter(person=person).select_related("gallery")
    links = ShareLink.objects.filter(created_by=person).select_related("gallery")
    votes = Vote.objects.filter(person=person).order_by("pk")
    return {
        "made_by": "Lemon Studio",
        "made_at": _at(timezone.now()),
        "name": person.name,
        "email": person.email,
        "joined_at": _at(person.date_joined),
        "last_signed_in_at": _at(person.last_login),
        "is_active": person.is_active,
        "is_administrator": person.is_staff,
        "told_to_the_service_as": str(person.opaque_id),
        "groups": [group.name for group in person.groups.order_by("name")],
        "budget_usd_a_month": str(budget.amount) if budget else None,
        "galleries": [
            {"name": one.name, "made_at": _at(one.created_at), "shared_with_team": one.shared_with_team}
            for one in Gallery.objects.owned_by(person).order_by("pk")
        ],
        "member_of": [{"gallery": one.gallery.name, "role": one.role, "since": _at(one.added_at)} for one in members],
        "share_links": [
            {"label": one.label, "gallery": str(one.gallery or ""), "made_at": _at(one.created_at)} for one in links
        ],
        "saved_searches": list(SavedSearch.objects.filter(person=person).order_by("pk").values("name", "query")),
        "votes": [{"request": one.generation_id, "at": _at(one.created_at)} for one in votes],
    }


_COLUMNS = ("Request", "Asked at", "Kind", "Model", "Prompt", "Options", "Pictures asked for", "State", "Cost (USD)")


def _row(generation: Generation) -> list[str]:
    options = " ".join(f"{name}={value}" for name, value in sorted(generation.options.items()))
    return [
        str(generation.pk),
        timezone.localtime(generation.created_at).strftime("%Y-%m-%d %H:%M:%S"),
        str(generation.get_kind_display()),
        generation.model.label,
        generation.prompt,
        options,
        str(generation.count),
        str(generation.get_state_display()),
        "" if generation.estimated_cost is None else f"{generation.booked:.4f}",
    ]


def _request(generation: Generation) -> dict[str, Any]:
    return {
        "request": generation.pk,
        "asked_at": _at(generation.created_at),
        "finished_at": _at(generation.finished_at),
        "kind": generation.kind,
        "model": generation.model.slug,
        "prompt": generation.prompt,
        "options": generation.options,
        "pictures_asked_for": generation.count,
        "gallery": generation.gallery.name if generation.gallery else None,
        "state": generation.state,
        "error": generation.error_message or None,
        "uploads": [name for name in (*generation.files_to_send, generation.mask_file) if name],
        "cost_usd": None if generation.estimated_cost is None else str(generation.booked),
    }


def _comment(comment: Comment) -> dict[str, Any]:
    return {
        "at": _at(comment.created_at),
        "gallery": comment.gallery.name,
        "picture": comment.picture_id,
        "text": comment.text,
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {"picture": mark.picture_id, "favourite": mark.favourite, "rating": mark.rating}


def _template(template: PromptTemplate) -> dict[str, Any]:
    return {
        "name": template.name,
        "text": template.text,
        "model": template.model.slug if template.model else None,
        "options": template.options,
        "shared": template.shared,
        "made_at": _at(template.created_at),
    }


def _happening(line: Activity) -> dict[str, Any]:
    said = str(line.sentence)
    return {"at": _at(line.created_at), "gallery": line.gallery.name, "what": said, "picture": line.picture_id}
