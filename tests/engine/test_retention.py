"""What is older than the studio keeps it goes, and nothing else does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from gallery import services, tasks
from gallery.engine import housekeeping
from gallery.engine.retention import keep_to_retention
from gallery.models import Activity, Batch, Gallery, Generation, LedgerEntry, Person, Picture, Retention, State
from gallery.queries.ledger import discrepancies
from tests.conftest import model, png, put, send

pytestmark = pytest.mark.database
Make = Callable[..., Any]
LONG_AGO = timezone.now() - timedelta(days=40)


def keep(**days: int) -> None:
    Retention.objects.update_or_create(pk=1, defaults=days)


def test_without_a_setting_everything_stays(make_picture: Make) -> None:
    make_picture(created_at=LONG_AGO)
    assert keep_to_retention() == 0
    assert Generation.objects.get().prompt == "A lemon on a table"


def test_old_prompts_go_and_their_pictures_stay(make_picture: Make, make_generation: Make, owner: Person) -> None:
    batch = Batch.objects.create(author=owner, kind="prompts", prompt="A {red|green} lemon")
    result = {"url": "https://x.example/a.png", "revised_prompt": "A table with a lemon"}
    old = make_picture(created_at=LONG_AGO, results=[result], batch=batch)
    Picture.refresh_search_text([old.pk])
    make_picture()
    under_way = make_generation(state=State.PROCESSING, created_at=LONG_AGO)
    failed = make_generation(state=State.FAILED, created_at=LONG_AGO)
    keep(prompts=30)
    assert keep_to_retention() == 2
    assert Picture.objects.search("lemon").count() == 1
    row = Generation.objects.get(pk=old.generation_id)
    assert (row.prompt, row.results[0]["revised_prompt"], row.results[0]["url"]) == ("", "", result["url"])
    assert Batch.objects.get().prompt == ""
    assert Generation.objects.get(pk=under_way.pk).prompt
    assert Generation.objects.get(pk=failed.pk).dismissed, "a retry would send no prompt, and be paid"
    assert keep_to_retention() == 0


def test_request_without_its_prompt_cannot_be_asked_for_again(make_picture: Make, as_owner: Client) -> None:
    picture = make_picture(created_at=LONG_AGO, prompt="")
    assert as_owner.get(f"/pictures/{picture.pk}/").status_code == 200
    answer = as_owner.post(f"/generations/{picture.generation_id}/again/", follow=True)
    assert "was deleted, so it cannot be asked for again" in answer.content.decode()
    assert Generation.objects.count() == 1


def test_old_failures_are_emptied_and_the_ledger_stays_right(owner: Person) -> None:
    asked = send(services.generations.submit(owner, model=model(), prompt="A secret", options={}, count=1))
    # Whether it was charged is not known: the estimate stays booked.
    asked.interrupt("no_answer", "No answer came about “A secret”.")
    Generation.objects.update(created_at=LONG_AGO)
    booked = LedgerEntry.objects.total()
    assert booked > 0
    keep(failed_requests=30)
    assert keep_to_retention() == 1
    row = Generation.objects.get()
    assert (row.prompt, row.options, row.error_message, row.dismissed) == ("", {}, "", True)
    assert LedgerEntry.objects.total() == booked
    assert list(discrepancies()) == []
    assert keep_to_retention() == 0


def test_failure_that_may_still_bring_a_picture_stays(make_generation: Make) -> None:
    make_generation(state=State.FAILED, created_at=LONG_AGO, due_at=timezone.now())
    make_generation(state=State.CANCELLED, created_at=LONG_AGO, results=[{"url": "https://x.example/a.png"}])
    keep(failed_requests=30)
    assert keep_to_retention() == 0


def uploaded(person: Person) -> str:
    return default_storage.save(f"uploads/{person.pk}/{uuid4().hex}-64x48.png", ContentFile(png()))


def test_old_uploads_go_and_what_was_made_of_them_stays(
    make_picture: Make, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "KEEP_UPLOADS", timedelta(0))
    old, new = uploaded(owner), uploaded(owner)
    make_picture(kind=Generation.Kind.EDIT, source_file=old, created_at=LONG_AGO)
    make_picture(kind=Generation.Kind.EDIT, source_file=new)
    keep(uploads=30)
    tasks.tidy_up()
    assert (default_storage.exists(old), default_storage.exists(new)) == (False, True)
    assert Picture.objects.count() == 2


def test_upload_goes_with_the_last_picture_that_was_made_of_it(
    make_picture: Make, make_generation: Make, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "KEEP_UPLOADS", timedelta(0))
    name, other = uploaded(owner), uploaded(owner)
    picture = make_picture(kind=Generation.Kind.EDIT, source_file=name, results=[{"url": "https://x.example/a.png"}])
    make_generation(kind=Generation.Kind.EDIT, source_file=other, state=State.FAILED)
    services.trash.trash(owner, [picture.pk])
    housekeeping.delete_unused_uploads()
    assert default_storage.exists(name), "the picture may be restored"
    services.trash.delete_for_good(owner, [picture.pk])
    housekeeping.delete_unused_uploads()
    assert not default_storage.exists(name)
    assert default_storage.exists(other), "a retry would send it"
    services.generations.dismiss_all(owner)
    housekeeping.delete_unused_uploads()
    assert not default_storage.exists(other)


def test_old_activity_goes(make_picture: Make, private_gallery: Gallery, owner: Person) -> None:
    put(make_picture(), private_gallery)
    services.galleries.rename_gallery(private_gallery, "Renamed", owner)
    Activity.objects.update(created_at=LONG_AGO)
    services.galleries.rename_gallery(private_gallery, "Once more", owner)
    keep(activity=30)
    assert keep_to_retention() == 1
    assert str(Activity.objects.get().sentence).endswith("renamed the gallery from “Renamed” to “Once more”")
