"""Erase a person for good, so that the ledger still adds up.

The row stays, as “Former member N”: requests, ledger entries and pictures name it. What takes long, a task does.
The caller has checked that `by` may do this.
"""

import time
import uuid
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Replace
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gallery.enqueue import enqueue_forgetting, enqueue_search_refresh
from gallery.models import (
    Activity,
    AuditEntry,
    Budget,
    Comment,
    Download,
    Generation,
    Invitation,
    Mark,
    Membership,
    Notice,
    Person,
    Picture,
    PromptTemplate,
    SavedSearch,
)
from gallery.services import audit, forgetting, leavers, sessions
from gallery.services.errors import InvalidInput

WORDS, FILES = "words", "files"
# A task goes on for so long, then the next one does.
SLICE_SECONDS = 20.0
# Lines whose detail begins with a person's name.
_NAMING = (
    Activity.Verb.JOINED,
    Activity.Verb.MEMBER_ADDED,
    Activity.Verb.MEMBER_CHANGED,
    Activity.Verb.MEMBER_REMOVED,
    Activity.Verb.OWNER,
)


class Pictures(models.TextChoices):
    """What becomes of a person's pictures."""

    HAND_OVER = "hand_over", gettext_lazy("Hand them over")
    TRASH = "trash", gettext_lazy("Move them to the trash; 30 days later they are deleted for good")


@dataclass(frozen=True, slots=True)
class Choices:
    pictures: str = Pictures.TRASH
    delete_prompts: bool = True
    delete_uploads: bool = True
    delete_comments: bool = True


def erase(person: Person, by: Person, choices: Choices, to: Person | None = None) -> None:
    """Delete name, e-mail, sign-ins and what is private, and do with the rest as chosen.

    With `to`, galleries and templates are handed over; without, galleries stay where they are. Raises InvalidInput.
    """
    if person.pk == by.pk:
        raise InvalidInput(_("You cannot erase yourself. Another administrator can."))
    if choices.pictures == Pictures.HAND_OVER and to is None:
        raise InvalidInput(_("Choose the person who gets the pictures."), "to")
    with transaction.atomic():
        leavers.insist_on_another_administrator(person)
        name, email = person.name, person.email
        _rename(person)
        # From here on, the audit list and the galleries' logs have the new name only.
        leavers.cancel_queued(person)
        _insist_on_an_end(person)
        leavers.end_links(person, by)
        leavers.withdraw_invitations(person)
        _forget_sign_ins(person, email)
        _forget_name(person, name)
        if to is not None:
            leavers.hand_over_galleries(person, to, by)
            leavers.hand_over_templates(person, to)
        _delete_private(person)
        _delete_chosen(person, choices, to)
        audit.record(AuditEntry.Action.DID, person, note="Erased the account.")
        enqueue_search_refresh(person.pk)
        if person.to_forget:
            enqueue_forgetting(person.pk)


def _rename(person: Person) -> None:
    """Not by save(): the audit list would note what the name and the e-mail were."""
    # People of all languages read this name.
    with translation.override(settings.LANGUAGE_CODE):
        name = _("Former member %(number)d") % {"number": person.pk}
    Person.objects.filter(pk=person.pk).update(
        name=name,
        email=f"former-member-{person.pk}@erased.invalid",
        email_verified=False,
        password=make_password(None),
        is_active=False,
        is_staff=False,
        is_superuser=False,
        last_login=None,
        # The service has been told the old one.
        opaque_id=uuid.uuid4(),
        erased_at=timezone.now(),
    )
    person.refresh_from_db()
    person.groups.clear()
    person.user_permissions.clear()


def _insist_on_an_end(person: Person) -> None:
    """A picture that still comes would be made in the name of a person who is erased."""
    if under_way := Generation.objects.filter(author=person).under_way().count():
        said = ngettext(
            "%(n)d request of theirs is on its way and paid for. Wait until it has ended.",
            "%(n)d requests of theirs are on their way and paid for. Wait until they have ended.",
            under_way,
        )
        raise InvalidInput(said % {"n": under_way})


def _forget_sign_ins(person: Person, email: str) -> None:
    sessions.delete_all(person)
    for rows in (EmailAddress.objects, SocialAccount.objects, Authenticator.objects):
        rows.filter(user=person).delete()
    Invitation.objects.filter(email=email).update(email="", revoked_at=timezone.now())


def _forget_name(person: Person, name: str) -> None:
    """Where a text holds it: in the galleries' logs, and in Django's own history of the account."""
    # The name alone, after the code of a role, or as older lines have it, before the role in words.
    named = Q(detail=name) | Q(detail__endswith=f":{name}") | Q(detail__startswith=f"{name},")
    lines = Activity.objects.filter(named, verb__in=_NAMING)
    lines.update(detail=Replace("detail", Value(name), Value(person.name)))
    kind = ContentType.objects.get_for_model(Person)
    LogEntry.objects.filter(content_type=kind, object_id=str(person.pk)).update(object_repr=person.name)


def _delete_private(person: Person) -> None:
    for kind in (Mark, SavedSearch, Notice, Membership, Budget):
        kind._default_manager.filter(person=person).delete()
    # Housekeeping deletes the files of downloads without a row.
    Download.objects.filter(Q(person=person) | Q(about=person)).delete()


def _delete_chosen(person: Person, choices: Choices, to: Person | None) -> None:
    pictures = Picture.objects.kept().filter(author=person)
    now = timezone.now()
    if choices.delete_uploads:
        pictures.exclude(kind=Picture.Kind.MADE).update(trashed_at=now)
    if choices.pictures == Pictures.HAND_OVER and to is not None:
        leavers.hand_over_pictures(person, to)
    else:
        pictures.update(trashed_at=now)
        Generation.objects.filter(author=person).update(dismissed=True)
    if choices.delete_comments:
        Comment.objects.filter(author=person).delete()
    if choices.delete_prompts:
        PromptTemplate.objects.owned_by(person).delete()
    wanted = ((WORDS, choices.delete_prompts), (FILES, choices.delete_uploads))
    person.to_forget = [what for what, is_chosen in wanted if is_chosen]
    Person.objects.filter(pk=person.pk).update(to_forget=person.to_forget)


def go_on(person_id: int) -> bool:
    """Of a person who was erased, take prompts and names of uploads out of the requests; tell whether that is done.

    Safe to run twice, and at the same time.
    """
    person = Person.objects.filter(pk=person_id, erased_at__isnull=False).first()
    if person is None:
        return True
    stop_at = time.monotonic() + SLICE_SECONDS
    requests = Generation.objects.filter(author=person)
    for what, forget in ((WORDS, forgetting.forget_words), (FILES, forgetting.forget_files)):
        while what in person.to_forget and forget(requests):
            if time.monotonic() >= stop_at:
                return False
    Person.objects.filter(pk=person.pk).update(to_forget=[])
    return True


def unfinished() -> list[int]:
    """Whose erasure a task has still to finish."""
    return list(Person.objects.filter(erased_at__isnull=False).exclude(to_forget=[]).values_list("pk", flat=True))
